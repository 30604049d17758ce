namespace PipelineOps;

/// <summary>What an error means. The category decides the strategy, the severity and what the circuit counts.</summary>
public enum ErrorCategory : byte
{
    /// <summary>Nothing is known of the error.</summary>
    Unknown,

    /// <summary>The dependency or the network failed for now; the same attempt is likely to succeed later.</summary>
    Transient,

    /// <summary>The dependency asks for fewer calls, often saying for how long.</summary>
    Throttled,

    /// <summary>Memory, disk, connections or a size limit ran out; less at once may succeed.</summary>
    Resource,

    /// <summary>The record's content is wrong; trying again cannot help.</summary>
    DataQuality,

    /// <summary>The record's shape and the expected shape differ: a missing column, field or table.</summary>
    Schema,

    /// <summary>The record breaks a rule of the business; a person decides.</summary>
    BusinessRule,

    /// <summary>The set-up is wrong: authentication, authorisation, missing configuration. No record can succeed.</summary>
    Permanent,

    /// <summary>The program is wrong: a null reference, a failed cast, an index out of range.</summary>
    Defect,

    /// <summary>The caller cancelled.</summary>
    Cancelled,
}
