namespace PipelineOps;

/// <summary>Where a record ended.</summary>
public enum Disposition : byte
{
    /// <summary>The handler did its work.</summary>
    Succeeded,

    /// <summary>The handler or a filter left the record out on purpose; nothing is kept of it.</summary>
    Filtered,

    /// <summary>The record is bad and was set aside in the failure store.</summary>
    Quarantined,

    /// <summary>The record could not be processed and is kept in the failure store for a redrive.</summary>
    DeadLettered,

    /// <summary>The record is kept in the failure store until a person decides.</summary>
    Parked,

    /// <summary>Nobody knows whether the handler did its work, as for a record that a batch's report does not mention. Kept in the failure store.</summary>
    FailedUnknown,

    /// <summary>
    /// The record was given back unprocessed and is still its source's: do not move the source's position past it. The run was stopped, or the
    /// dependency or the failure store is down.
    /// </summary>
    Returned,
}
