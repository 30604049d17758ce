namespace PipelineOps;

/// <summary>How far the search for the bad records of a batch has come, and why it ended.</summary>
public enum IsolationOutcome : byte
{
    /// <summary>There are calls to make.</summary>
    Searching,

    /// <summary>Every record has succeeded or was convicted.</summary>
    Completed,

    /// <summary>
    /// The failure is not known to be any record's: the caller said so, or no call has succeeded at all, so that nothing tells a bad record from a dependency
    /// that is down. A batch of one record ends like this at once.
    /// </summary>
    Systemic,

    /// <summary>One more conviction would exceed <see cref="BatchOptions.MaxSkipped"/> or <see cref="BatchOptions.MaxSkippedRatio"/>.</summary>
    SkipLimitReached,

    /// <summary>The calls of <see cref="BatchOptions.MaxIsolationCalls"/> have been made.</summary>
    CallBudgetSpent,

    /// <summary><see cref="BatchOptions.IsolationTimeout"/> has passed.</summary>
    DeadlinePassed,
}
