using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime;
using PipelineOps.Benchmarks.Comparison;

namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>The other end of a <see cref="MeasuringProcess"/>: answers each line of its input, until that ends.</summary>
internal static class MeasuringLoop
{
    public const string Argument = "--measure";
    public const string Calibrate = "calibrate";
    public const string Time = "time";
    public const string Bytes = "bytes";

    // A method is optimized as a whole, and not only from the middle of its loop, once it was called thirty times, and then as often with its instruments.
    private const int MinWarmUpRounds = 100;

    private static readonly TimeSpan RoundLength = TimeSpan.FromMilliseconds(40);

    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(350);
    private static readonly TimeSpan MaxWarmUp = TimeSpan.FromSeconds(3);

    public static int Run(string listening, bool isSupported, TextReader input, TextWriter output)
    {
        // Before anything of the library is touched, which reads it once.
        AppContext.SetSwitch("PipelineOps.Telemetry.IsSupported", isSupported);
        if (!isSupported.Equals(typeof(PipelineOpsTelemetry).GetProperty("IsSupported", BindingFlags.NonPublic | BindingFlags.Static)!.GetValue(null)))
            throw new InvalidOperationException("The switch was set too late.");

        PipelineStage stage = Scenarios.Stage();
        var byHand = new HandWrittenStage(stage);
        using IDisposable listener = Listening.Start(listening, isSupported ? PipelineOpsTelemetry.MeterName : HandWrittenStage.TelemetryName);
        while (input.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            Contender contender = Enum.Parse<CallSide>(words[1]) == CallSide.Hand ? Calls(byHand) : Calls(stage);
            int calls = int.Parse(words[2], CultureInfo.InvariantCulture);
            double answer = words[0] switch
            {
                Calibrate => CallsOfRound(contender),
                Time => Nanoseconds(contender, calls),
                Bytes => Allocated(contender, calls),
                _ => throw new ArgumentException($"What is {line}?", nameof(input)),
            };
            output.WriteLine(answer.ToString("R", CultureInfo.InvariantCulture));
            output.Flush();
        }

        return 0;
    }

    private static Contender Calls(PipelineStage stage) => async calls =>
    {
        for (int i = 0; i < calls; i++)
            await stage.ExecuteAsync(HealthyCall.Action, HealthyCall.State);
    };

    private static Contender Calls(HandWrittenStage stage) => async calls =>
    {
        for (int i = 0; i < calls; i++)
            await stage.ExecuteAsync(HealthyCall.Action, HealthyCall.State);
    };

    /// <summary>
    /// Warms up until the tiered compiler has had its say, and answers how many calls fill a round. The compiler waits until a tenth of a second was quiet, instruments,
    /// waits again and optimizes, on a processor that others may want too: so it is over when nothing was compiled for a while.
    /// </summary>
    private static int CallsOfRound(Contender contender)
    {
        int calls = 64;
        int rounds = 0;
        double nanoseconds = 0;
        long compiled = 0;
        long start = Stopwatch.GetTimestamp();
        long quietSince = start;
        do
        {
            nanoseconds = Nanoseconds(contender, calls);
            calls = Math.Clamp((int)(RoundLength.TotalNanoseconds / 20 / nanoseconds), 64, 1_000_000);
            rounds++;
            long compiledNow = JitInfo.GetCompiledMethodCount();
            if (compiledNow != compiled)
            {
                compiled = compiledNow;
                quietSince = Stopwatch.GetTimestamp();
            }
        }
        while (Stopwatch.GetElapsedTime(start) < MaxWarmUp
            && (Stopwatch.GetElapsedTime(start) < WarmUp || Stopwatch.GetElapsedTime(quietSince) < Quiet || rounds < MinWarmUpRounds));

        return Math.Max(64, (int)(RoundLength.TotalNanoseconds / nanoseconds));
    }

    private static double Nanoseconds(Contender contender, int calls)
    {
        long start = Stopwatch.GetTimestamp();
        contender(calls).GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
    }

    // Every call ends on the thread that began it.
    private static double Allocated(Contender contender, int calls)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        contender(calls).GetAwaiter().GetResult();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)calls;
    }
}
