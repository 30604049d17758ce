namespace PipelineOps;

/// <summary>What one <c>ProcessAllAsync</c> did.</summary>
/// <param name="RunId">The run's id.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Accounting">What became of the records that it read, without those of other calls that share the run. None is in flight any more.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Problem">Why it failed, in a sentence; <see langword="null"/> if it did not.</param>
public sealed record RunSummary(string RunId, RunOutcome Outcome, RecordAccounting Accounting, TimeSpan Duration, string? Problem = null)
{
    /// <summary>The outcome and the identity with its figures.</summary>
    public override string ToString() => $"{Outcome}: {Accounting}{(Problem is null ? string.Empty : $": {Problem}")}";
}
