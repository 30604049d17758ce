namespace PipelineOps;

/// <summary>What became of a stored failure.</summary>
public enum FailureStatus : byte
{
    /// <summary>Nobody works on it.</summary>
    Open,

    /// <summary>Claimed for a redrive; open again when the lease expires.</summary>
    Claimed,

    /// <summary>The record was processed again; if that failed too, there is another failure whose <see cref="FailureRecord.ParentId"/> is this one's id.</summary>
    Redriven,

    /// <summary>Given up on purpose.</summary>
    Discarded,
}
