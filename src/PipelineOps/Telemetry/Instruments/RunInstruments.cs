using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>The instruments of runs, and the pipelines whose runs they count.</summary>
internal sealed class RunInstruments
{
    public RunInstruments(Meter meter)
    {
        Duration = meter.CreateHistogram<double>(TelemetryCatalog.RunDuration);
        meter.Observe<long>(TelemetryCatalog.Runs, static () => []);
        meter.Observe<long>(TelemetryCatalog.ActiveRuns, static () => []);
    }

    public Histogram<double> Duration { get; }
}
