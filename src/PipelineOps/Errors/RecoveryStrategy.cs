namespace PipelineOps;

/// <summary>What is done about a failure.</summary>
public enum RecoveryStrategy : byte
{
    /// <summary>Let the failure reach the caller.</summary>
    Propagate,

    /// <summary>Try again after a growing, jittered delay.</summary>
    RetryWithBackoff,

    /// <summary>Try again after the stage's standard delay.</summary>
    StandardRetry,

    /// <summary>Process in smaller batches, and remember the size that works.</summary>
    ReduceBatch,

    /// <summary>Set the record aside as bad and go on with the next.</summary>
    Quarantine,

    /// <summary>Adapt the record to the expected schema, or set it aside.</summary>
    EvolveSchema,

    /// <summary>Park the record until a person decides.</summary>
    ManualIntervention,

    /// <summary>Keep the record for a later redrive.</summary>
    DeadLetter,
}
