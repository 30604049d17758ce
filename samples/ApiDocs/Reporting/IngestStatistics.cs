using System.Diagnostics.Metrics;
using PipelineOps;

namespace ApiDocs.Reporting;

/// <summary>The statistics of every stage.</summary>
internal sealed class IngestStatistics(PipelineRegistry pipelines, IMeterFactory meters) : IDisposable
{
    public IReadOnlyList<StageStatistics> Stages { get; } =
        [.. pipelines.GetPipeline(IngestPipeline.Name).Stages.Select(stage => new StageStatistics(stage, meters))];

    public StageStatistics this[string stage] => Stages.Single(statistics => statistics.Stage.Name == stage);

    public void Dispose()
    {
        foreach (StageStatistics stage in Stages)
            stage.Dispose();
    }
}
