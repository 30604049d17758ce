namespace PipelineOps;

/// <summary>What became of a failure that was sent.</summary>
public enum RedriveOutcome : byte
{
    /// <summary>The record was processed again, with success.</summary>
    Redriven,

    /// <summary>
    /// The record failed again and is kept as a new failure, with this one's id as its <see cref="FailureRecord.ParentId"/>: return this only once that one is kept. This
    /// one ends as <see cref="FailureStatus.Redriven"/>.
    /// </summary>
    FailedAgain,

    /// <summary>The record is not worth another try: the failure is discarded.</summary>
    Discard,

    /// <summary>Not now: the failure stays open, and is not sent again by the same run.</summary>
    Leave,
}
