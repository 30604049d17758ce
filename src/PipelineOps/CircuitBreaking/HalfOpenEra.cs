namespace PipelineOps;

internal sealed class HalfOpenEra(CircuitBreaker breaker, CircuitRules rules, int breaksInARow) : CircuitEra(breaker, rules, breaksInARow)
{
    private readonly ProbeLease?[] _slots = new ProbeLease?[rules.MaxProbes];
    private int _successes;
    private int _failures;

    public override CircuitState State => CircuitState.HalfOpen;

    public override TimeSpan? RetryAfter
    {
        get
        {
            long now = Breaker.Clock.Milliseconds;
            long soonest = Rules.ProbeLeaseMilliseconds;
            for (int i = 0; i < _slots.Length; i++)
                soonest = Math.Min(soonest, Volatile.Read(ref _slots[i])?.Remaining(now) ?? 0);

            return TimeSpan.FromMilliseconds(soonest);
        }
    }

    public override bool TryAcquire(out CircuitPermit permit)
    {
        long now = Breaker.Clock.Milliseconds;
        for (int i = 0; i < _slots.Length; i++)
        {
            ProbeLease? holder = Volatile.Read(ref _slots[i]);
            if (holder is not null && (holder.Remaining(now) > 0 || !holder.TryEnd()))
                continue;

            var lease = new ProbeLease(this, i, now);
            if (Interlocked.CompareExchange(ref _slots[i], lease, holder) == holder)
            {
                permit = new CircuitPermit(lease);
                return true;
            }
        }

        permit = default;
        return false;
    }

    /// <summary>Counts a probe that has ended, and only then frees its slot: no further probe is admitted once the answer is known.</summary>
    public void Report(ProbeLease lease, bool succeeded)
    {
        if (succeeded)
        {
            if (Interlocked.Increment(ref _successes) >= Rules.ProbeSuccessesToClose)
                Breaker.Close(this);
        }
        else if (Interlocked.Increment(ref _failures) >= Rules.ProbeFailuresToReopen)
        {
            Breaker.Open(this, CircuitTransitionReason.ProbesFailed);
        }

        Free(lease);
    }

    public void Free(ProbeLease lease)
    {
        Volatile.Write(ref _slots[lease.Slot], null);
        Breaker.WakeWaiters();
    }

    public override CircuitSnapshot Describe() => base.Describe() with { ProbesInFlight = _slots.Count(static lease => lease is not null) };
}
