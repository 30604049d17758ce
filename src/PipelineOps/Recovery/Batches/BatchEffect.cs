namespace PipelineOps;

/// <summary>What a batch handler leaves behind when it fails; decides whether parts of the batch may be tried again.</summary>
public enum BatchEffect : byte
{
    /// <summary>
    /// A failed call may have done a part of its work, and doing that twice would do harm. Bad records are not searched for: the whole batch ends as one. The stage's retries are
    /// its own affair: give it none where not even a failed connection may be tried again.
    /// </summary>
    NonIdempotent,

    /// <summary>Doing a record's work twice is doing it once, as with an upsert.</summary>
    Idempotent,

    /// <summary>A call that fails has done nothing, as within a transaction.</summary>
    Atomic,
}
