namespace PipelineOps;

/// <summary>A failure in the index: everything but the failure itself, which stays on the disk.</summary>
internal sealed class FailureEntry(Guid id, FailureTraits traits, DateTimeOffset firstFailedAt, DateTimeOffset lastFailedAt, LineSpan line)
{
    private readonly long _firstFailedTicks = firstFailedAt.UtcTicks;
    private readonly long _lastFailedTicks = lastFailedAt.UtcTicks;

    public Guid Id { get; } = id;

    public FailureTraits Traits { get; } = traits;

    public LineSpan Line { get; set; } = line;

    public FailureProgress? Progress { get; set; }

    public bool IsForgotten { get; set; }

    public DateTimeOffset FirstFailedAt => new(_firstFailedTicks, TimeSpan.Zero);

    public DateTimeOffset LastFailedAt => new(_lastFailedTicks, TimeSpan.Zero);

    /// <summary>Neither redriven nor discarded.</summary>
    public bool IsUnfinished => !IsForgotten && Progress?.Resolution is null;

    public FailureStatus StatusAt(DateTimeOffset now) => Progress switch
    {
        { Resolution: { } resolution } => resolution.Status,
        { Owner: not null } progress when progress.Until > now => FailureStatus.Claimed,
        _ => FailureStatus.Open,
    };

    /// <summary>Whether nobody works on it and somebody may: a person has decided on it, if one has to.</summary>
    public bool IsClaimableAt(DateTimeOffset now) =>
        !IsForgotten && StatusAt(now) == FailureStatus.Open && (Traits.Disposition != Disposition.Parked || Progress?.Decision is not null);

    /// <summary>The same as <see cref="FailureFilter.Matches"/>, without the failure at hand.</summary>
    public bool Matches(FailureFilter filter, DateTimeOffset now) =>
        !IsForgotten
        && (filter.Id is null || filter.Id == Id)
        && (filter.Pipeline is null || filter.Pipeline == Traits.Pipeline)
        && (filter.Stage is null || filter.Stage == Traits.Stage)
        && (filter.Run is null || filter.Run == Traits.Run)
        && (filter.Disposition is null || filter.Disposition == Traits.Disposition)
        && (filter.Category is null || filter.Category == Traits.Category)
        && (filter.Fingerprint is null || Traits.Fingerprint.StartsWith(filter.Fingerprint, StringComparison.OrdinalIgnoreCase))
        && (filter.Status is null || filter.Status == StatusAt(now))
        && (filter.From is null || _lastFailedTicks >= filter.From.Value.UtcTicks)
        && (filter.To is null || _lastFailedTicks < filter.To.Value.UtcTicks);

    public StoredFailure With(FailureRecord record, DateTimeOffset now)
    {
        FailureStatus status = StatusAt(now);
        return new StoredFailure(record, status, Progress?.Decision, Progress?.Resolution, status == FailureStatus.Claimed ? Progress!.Until : null);
    }
}
