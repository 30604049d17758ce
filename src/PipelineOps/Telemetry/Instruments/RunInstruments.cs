using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>The instruments of runs, by the pipelines whose runs they count.</summary>
internal sealed class RunInstruments
{
    private static readonly RunStatus[] Ends = [RunStatus.Succeeded, RunStatus.Failed, RunStatus.Abandoned];

    public RunInstruments(Meter meter, MeteredPipelines pipelines)
    {
        Duration = meter.CreateHistogram<double>(TelemetryCatalog.RunDuration);
        meter.Observe(
            TelemetryCatalog.Runs,
            () => from runs in pipelines.ReadRuns()
                  from status in Ends
                  select new Measurement<long>(runs.Ended(status), runs.Pipeline, new("status", status.ToTag())));
        meter.Observe(TelemetryCatalog.ActiveRuns, () => pipelines.ReadRuns().Select(static runs => new Measurement<long>(runs.Active(), runs.Pipeline)));
    }

    public Histogram<double> Duration { get; }
}
