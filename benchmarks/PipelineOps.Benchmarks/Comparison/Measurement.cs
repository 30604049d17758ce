using System.Diagnostics;

namespace PipelineOps.Benchmarks.Comparison;

/// <summary>The medians of alternating rounds.</summary>
/// <param name="OursNanoseconds">Ours, per call.</param>
/// <param name="TheirsNanoseconds">Theirs, per call.</param>
/// <param name="Ratio">The median of the rounds' ratios: both halves of a round saw the same noise.</param>
/// <param name="OursBytes">What ours allocates per call.</param>
/// <param name="TheirsBytes">What theirs allocates per call.</param>
internal sealed record Measurement(double OursNanoseconds, double TheirsNanoseconds, double Ratio, double OursBytes, double TheirsBytes)
{
    private const int Rounds = 25;
    private static readonly TimeSpan RoundLength = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(350);

    public static Measurement Of(Scenario scenario)
    {
        int ourCalls = Calibrate(scenario.Ours);
        int theirCalls = Calibrate(scenario.Theirs);
        var ours = new double[Rounds];
        var theirs = new double[Rounds];
        var ratios = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            // Who goes first alternates too, so that neither always finds the other's caches.
            if (round % 2 == 0)
            {
                ours[round] = Time(scenario.Ours, ourCalls, scenario.Threads);
                theirs[round] = Time(scenario.Theirs, theirCalls, scenario.Threads);
            }
            else
            {
                theirs[round] = Time(scenario.Theirs, theirCalls, scenario.Threads);
                ours[round] = Time(scenario.Ours, ourCalls, scenario.Threads);
            }

            ratios[round] = ours[round] / theirs[round];
        }

        return new Measurement(
            Median(ours), Median(theirs), Median(ratios), Bytes(scenario.Ours, ourCalls), Bytes(scenario.Theirs, theirCalls));
    }

    /// <summary>Warms up until the tiered compiler has had its say, and answers how many calls fill a round.</summary>
    private static int Calibrate(Contender contender)
    {
        int calls = 64;
        long start = Stopwatch.GetTimestamp();
        double nanoseconds = 0;
        while (Stopwatch.GetElapsedTime(start) < WarmUp)
        {
            nanoseconds = Time(contender, calls, threads: 1);
            calls = Math.Clamp((int)(RoundLength.TotalNanoseconds / 4 / nanoseconds), 64, 1_000_000);
        }

        return Math.Max(64, (int)(RoundLength.TotalNanoseconds / nanoseconds));
    }

    private static double Time(Contender contender, int calls, int threads)
    {
        if (threads == 1)
        {
            long start = Stopwatch.GetTimestamp();
            contender(calls).GetAwaiter().GetResult();
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
        }

        using var ready = new Barrier(threads);
        double[] elapsed = new double[threads];
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(worker => new Thread(() =>
        {
            ready.SignalAndWait();
            long start = Stopwatch.GetTimestamp();
            contender(calls).GetAwaiter().GetResult();
            elapsed[worker] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
        }))];
        Array.ForEach(workers, static worker => worker.Start());
        Array.ForEach(workers, static worker => worker.Join());
        return elapsed.Average();
    }

    private static double Bytes(Contender contender, int calls)
    {
        // The whole process's allocations: an asynchronous call allocates on the threads that continue it.
        long before = GC.GetTotalAllocatedBytes(precise: true);
        contender(calls).GetAwaiter().GetResult();
        return (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)calls;
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
