namespace PipelineOps;

internal sealed class OpenEra : CircuitEra
{
    private Deadline _end;

    public OpenEra(CircuitBreaker breaker, CircuitRules rules, int breaksInARow, long breakMilliseconds) : base(breaker, rules, breaksInARow)
    {
        BreakDuration = TimeSpan.FromMilliseconds(breakMilliseconds);
        _end = new Deadline(breaker.Clock.Milliseconds, breakMilliseconds);
    }

    public TimeSpan BreakDuration { get; }

    public override CircuitState State => CircuitState.Open;

    public override TimeSpan? RetryAfter => new TimeSpan(_end.Remaining(Breaker.Clock.Milliseconds) * TimeSpan.TicksPerMillisecond);

    public override bool TryAcquire(out CircuitPermit permit)
    {
        permit = default;
        if (_end.Remaining(Breaker.Clock.Milliseconds) > 0)
            return false;

        Breaker.HalfOpen(this);
        return Breaker.TryAcquire(out permit);
    }

    public override CircuitSnapshot Describe() => base.Describe() with { TimeToHalfOpen = RetryAfter };
}
