namespace PipelineOps;

/// <summary>What retrying did for a call. Counted apart, because a dependency that fails twice and recovers looks healthy in any other figure.</summary>
internal enum CallOutcome
{
    Succeeded,
    SucceededAfterRetry,
    FailedWithoutRetry,
    FailedAfterRetries,
}
