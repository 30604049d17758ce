namespace PipelineOps;

/// <summary>The decisions on a parked record.</summary>
public enum FailureDecisionKind : byte
{
    /// <summary>The record is right as it is: go on with it in spite of the rule that it broke.</summary>
    Approve,

    /// <summary>The cause is mended: process the record again.</summary>
    Retry,

    /// <summary>Leave the record out. It is discarded at once.</summary>
    Skip,
}
