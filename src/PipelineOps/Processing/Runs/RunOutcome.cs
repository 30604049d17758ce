namespace PipelineOps;

/// <summary>How a run ended.</summary>
public enum RunOutcome : byte
{
    /// <summary>The source has ended, and every record is settled.</summary>
    Completed,

    /// <summary>Somebody wanted it to stop.</summary>
    Stopped,

    /// <summary>It could not go on.</summary>
    Failed,
}
