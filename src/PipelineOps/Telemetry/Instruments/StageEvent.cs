namespace PipelineOps;

/// <summary>What happens to a stage rarely enough to be counted without being asked.</summary>
internal enum StageEvent
{
    RetriesExhausted,
    RetryDenied,
    ConcurrencyRejected,
}
