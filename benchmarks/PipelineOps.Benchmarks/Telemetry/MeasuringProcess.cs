using System.Diagnostics;
using System.Globalization;

namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>Another process of this program, which runs rounds of calls when it is asked to: see <see cref="MeasuringLoop"/>.</summary>
internal sealed class MeasuringProcess : IDisposable
{
    private readonly Process _process;

    public MeasuringProcess(string listening, bool isSupported)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(MeasuringProcess).Assembly.Location);

        foreach (string argument in (ReadOnlySpan<string>)["telemetry", MeasuringLoop.Argument, listening, isSupported.ToString()])
            start.ArgumentList.Add(argument);

        _process = Process.Start(start)!;
    }

    /// <summary>Warms a side up.</summary>
    /// <returns>How many calls fill a round.</returns>
    public int Calibrate(CallSide side) => (int)Ask(MeasuringLoop.Calibrate, side, 0);

    /// <summary>Runs a round, and answers its nanoseconds per call.</summary>
    public double Time(CallSide side, int calls) => Ask(MeasuringLoop.Time, side, calls);

    /// <summary>Runs a round, and answers the bytes that it allocated per call.</summary>
    public double Bytes(CallSide side, int calls) => Ask(MeasuringLoop.Bytes, side, calls);

    public void Dispose()
    {
        // The end of its input ends it.
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
            _process.Kill();

        _process.Dispose();
    }

    private double Ask(string question, CallSide side, int calls)
    {
        _process.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{question} {side} {calls}"));
        _process.StandardInput.Flush();
        string answer = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The process that measures ended; what it said is above.");
        return double.Parse(answer, CultureInfo.InvariantCulture);
    }
}
