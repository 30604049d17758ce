using PipelineOps;

namespace ApiDocs;

/// <summary>The pipeline's stages.</summary>
internal sealed class IngestStages(PipelineRegistry pipelines)
{
    public Pipeline Pipeline { get; } = pipelines.GetPipeline(IngestPipeline.Name);

    public PipelineStage Read { get; } = pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Read);

    public PipelineStage Validate { get; } = pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Validate);

    public PipelineStage Enrich { get; } = pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Enrich);

    public PipelineStage Load { get; } = pipelines.GetStage(IngestPipeline.Name, IngestPipeline.Load);

    /// <summary>What became of the job's records, whichever stage they ended in.</summary>
    /// <param name="members">How many members were handed to the first stage behind the reading.</param>
    /// <remarks>
    /// Members are counted where they are read, and again by the stage that they end in, so that one which gets lost between two stages shows. The
    /// unreadable rest of a file is one record, which ends in the read stage.
    /// </remarks>
    public RecordAccounting Account(long members)
    {
        RecordAccounting[] ends = [Read.Accounting, Validate.Accounting, Enrich.Accounting, Load.Accounting];
        return new RecordAccounting
        {
            Read = members + ends[0].Skipped,
            Succeeded = ends[^1].Succeeded,
            Filtered = ends.Sum(static stage => stage.Filtered),
            Quarantined = ends.Sum(static stage => stage.Quarantined),
            DeadLettered = ends.Sum(static stage => stage.DeadLettered),
            Parked = ends.Sum(static stage => stage.Parked),
            FailedUnknown = ends.Sum(static stage => stage.FailedUnknown),

            // Given back because the job was stopped: the next one reads them again.
            InFlight = ends[1..].Sum(static stage => stage.Returned),
        };
    }
}
