namespace PipelineOps;

/// <summary>Which failures are meant. Every part that is set must match.</summary>
public sealed record FailureFilter
{
    /// <summary>Matches every failure.</summary>
    public static FailureFilter All { get; } = new();

    /// <summary>The failure with this id.</summary>
    public Guid? Id { get; init; }

    /// <summary>Failures of this pipeline.</summary>
    public string? Pipeline { get; init; }

    /// <summary>Failures of this stage.</summary>
    public string? Stage { get; init; }

    /// <summary>Failures of this run.</summary>
    public string? Run { get; init; }

    /// <summary>Failures with this disposition.</summary>
    public Disposition? Disposition { get; init; }

    /// <summary>Failures of this category.</summary>
    public ErrorCategory? Category { get; init; }

    /// <summary>Failures with this fingerprint, or one that begins so.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Failures with this status.</summary>
    public FailureStatus? Status { get; init; }

    /// <summary>Failures that last failed at this time or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Failures that last failed before this time.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Whether a failure is meant; for those who write a store.</summary>
    /// <param name="failure">The failure.</param>
    public bool Matches(StoredFailure failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        FailureRecord record = failure.Record;
        return (Id is null || record.Id == Id)
            && (Pipeline is null || record.Pipeline == Pipeline)
            && (Stage is null || record.Stage == Stage)
            && (Run is null || record.Run == Run)
            && (Disposition is null || record.Disposition == Disposition)
            && (Category is null || record.Category == Category)
            && (Fingerprint is null || record.Fingerprint.StartsWith(Fingerprint, StringComparison.OrdinalIgnoreCase))
            && (Status is null || failure.Status == Status)
            && (From is null || record.LastFailedAt >= From)
            && (To is null || record.LastFailedAt < To);
    }
}
