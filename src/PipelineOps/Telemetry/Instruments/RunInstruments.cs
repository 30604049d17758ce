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
            () => from pipeline in pipelines.Read()
                  from status in Ends
                  select new Measurement<long>(pipeline.Runs.Ended(status), pipeline.Tag, new("status", status.ToTag())));
        meter.Observe(TelemetryCatalog.ActiveRuns, () => pipelines.Read().Select(static pipeline => new Measurement<long>(pipeline.Runs.Active(), pipeline.Tag)));
    }

    public Histogram<double> Duration { get; }
}
