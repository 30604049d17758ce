namespace PipelineOps;

/// <summary>A probe's hold on one slot of a half-open circuit. It ends once: by the probe's report, or by the caller that takes the slot over.</summary>
internal sealed class ProbeLease(HalfOpenEra era, int slot, long now) : IOutcomeRecorder
{
    private Deadline _expiry = new(now, era.Rules.ProbeLeaseMilliseconds);
    private int _ended;

    public int Slot { get; } = slot;

    public bool WantsDuration => era.Rules.CountsSlowCalls;

    public long Remaining(long now) => _expiry.Remaining(now);

    public bool TryEnd() => Interlocked.Exchange(ref _ended, 1) == 0;

    public void Success(TimeSpan duration)
    {
        if (TryEnd())
            era.Report(this, succeeded: duration <= era.Rules.SlowCallDuration);
    }

    public void Failure(TimeSpan duration)
    {
        if (TryEnd())
            era.Report(this, succeeded: false);
    }

    public void Neutral()
    {
        if (TryEnd())
            era.Free(this);
    }
}
