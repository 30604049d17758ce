using ApiDocs.Reporting;
using PipelineOps;

namespace ApiDocs;

/// <summary>The stages, each with what its calls add up to.</summary>
internal sealed class IngestStages(PipelineRegistry pipelines)
{
    public StageStatistics Read { get; } = new(pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Read));

    public StageStatistics Validate { get; } = new(pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Validate));

    public StageStatistics Enrich { get; } = new(pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Enrich));

    public StageStatistics Load { get; } = new(pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Load));

    public IReadOnlyList<StageStatistics> All => [Read, Validate, Enrich, Load];
}
