namespace PipelineOps;

/// <summary>What a recovery did about a record, and what follows.</summary>
public readonly record struct RecoveryOutcome
{
    private RecoveryOutcome(Disposition? disposition, DispositionReason reason, NextAction next)
    {
        Disposition = disposition;
        Reason = reason;
        Next = next;
    }

    /// <summary>Where the record ends; <see langword="null"/> if the classification's next strategy decides.</summary>
    public Disposition? Disposition { get; }

    /// <summary>Why the record ends there.</summary>
    public DispositionReason Reason { get; }

    /// <summary>What whoever reads the source does next.</summary>
    public NextAction Next { get; }

    /// <summary>The recovery did the work itself: the record is processed.</summary>
    public static RecoveryOutcome Recovered => new(PipelineOps.Disposition.Succeeded, default, NextAction.Continue);

    /// <summary>This strategy has done what it can: <see cref="ErrorClassification.ThenStrategy"/> decides.</summary>
    public static RecoveryOutcome Escalate => default;

    /// <summary>Keeps the record in the failure store.</summary>
    /// <param name="disposition">Where the record ends.</param>
    /// <param name="reason">Why.</param>
    /// <param name="next">What follows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A record with this disposition is not kept.</exception>
    public static RecoveryOutcome Keep(Disposition disposition, DispositionReason reason, NextAction next)
    {
        if (disposition is not (PipelineOps.Disposition.Quarantined or PipelineOps.Disposition.DeadLettered or PipelineOps.Disposition.Parked or PipelineOps.Disposition.FailedUnknown))
            throw new ArgumentOutOfRangeException(nameof(disposition), disposition, "Only quarantined, dead-lettered, parked and failed-unknown records are kept.");

        return new(disposition, reason, next);
    }

    /// <summary>Gives the record back to its source.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="next">What follows.</param>
    public static RecoveryOutcome Return(DispositionReason reason, NextAction next) => new(PipelineOps.Disposition.Returned, reason, next);
}
