namespace PipelineOps;

/// <summary>Why a record did not succeed.</summary>
public enum DispositionReason : byte
{
    /// <summary>The record fails by itself, however often it is tried.</summary>
    Poison,

    /// <summary>The dependency or the host failed, not the record.</summary>
    Systemic,

    /// <summary>The retries were spent.</summary>
    Exhausted,

    /// <summary>A deadline passed first.</summary>
    Expired,

    /// <summary>A person has to decide, or did.</summary>
    Manual,

    /// <summary>The record alone is larger than the dependency takes.</summary>
    Oversized,

    /// <summary>The handler did not report what became of the record.</summary>
    Unreported,
}
