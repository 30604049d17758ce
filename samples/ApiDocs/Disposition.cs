using PipelineOps;

namespace ApiDocs;

/// <summary>Where a record ended.</summary>
internal enum Disposition
{
    Succeeded,
    Filtered,
    Quarantined,
    DeadLettered,
    Parked,

    /// <summary>The run stopped first; the next run reads the record again.</summary>
    InFlight,

    /// <summary>Its line was being written when the write failed.</summary>
    FailedUnknown,
}

internal static class Dispositions
{
    /// <summary>What a stage's final failure means for the record: the strategy that is left once the retries are spent.</summary>
    public static Disposition ToDisposition(this ErrorClassification failure) =>
        (failure.IsRetryable ? failure.ThenStrategy : failure.Strategy) switch
        {
            RecoveryStrategy.Quarantine or RecoveryStrategy.EvolveSchema => Disposition.Quarantined,
            RecoveryStrategy.Propagate when failure.Category == ErrorCategory.Cancelled => Disposition.InFlight,
            _ => Disposition.DeadLettered,
        };
}
