namespace PipelineOps;

/// <summary>How loudly a failure is reported. Ordered: a larger value is more severe.</summary>
public enum ErrorSeverity : byte
{
    /// <summary>Worth a debug line.</summary>
    Low,

    /// <summary>Worth a warning.</summary>
    Medium,

    /// <summary>Worth somebody's attention today.</summary>
    High,

    /// <summary>Worth waking somebody: nothing works until it is mended.</summary>
    Critical,
}
