namespace PipelineOps;

/// <summary>What a handler did with a record, for handlers that may leave records out.</summary>
public enum RecordOutcome : byte
{
    /// <summary>It did its work.</summary>
    Succeeded,

    /// <summary>It left the record out on purpose.</summary>
    Filtered,
}
