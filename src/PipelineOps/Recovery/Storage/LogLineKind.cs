namespace PipelineOps;

/// <summary>What a line of a store's file says.</summary>
internal enum LogLineKind : byte
{
    /// <summary>Something that a later version wrote. It is left where it is.</summary>
    Unknown,

    /// <summary>A file begins.</summary>
    Segment,

    /// <summary>A failure is kept.</summary>
    Failure,

    /// <summary>A failure is claimed.</summary>
    Claim,

    /// <summary>A claim is given back.</summary>
    Release,

    /// <summary>A failure has ended.</summary>
    Resolution,

    /// <summary>A person has decided on a parked record.</summary>
    Decision,

    /// <summary>A failure is forgotten.</summary>
    Purge,
}
