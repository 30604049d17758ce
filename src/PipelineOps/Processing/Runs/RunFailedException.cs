namespace PipelineOps;

/// <summary>
/// A run could not go on: its source, its filter or its acknowledgement threw, too many records were skipped, or a record's failure is one that the next would share.
/// Every record that was read is accounted for in <see cref="Summary"/>.
/// </summary>
public sealed class RunFailedException : StageException
{
    internal RunFailedException(string pipeline, string stage, RunSummary summary, Exception? innerException)
        : base(pipeline, stage, $"Run {summary.RunId} of stage {pipeline}/{stage} failed: {summary.Problem} ({summary.Accounting})", innerException) => Summary = summary;

    /// <summary>What the run did until it failed.</summary>
    public RunSummary Summary { get; }
}
