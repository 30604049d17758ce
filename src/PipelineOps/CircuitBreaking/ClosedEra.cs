namespace PipelineOps;

internal sealed class ClosedEra : CircuitEra, IOutcomeRecorder
{
    private readonly OutcomeWindow _window;
    private readonly TimeSpan _slowCallDuration;
    private int _consecutiveFailures;

    public ClosedEra(CircuitBreaker breaker, CircuitRules rules) : base(breaker, rules, breaksInARow: 0)
    {
        _window = rules.Window == CircuitWindowKind.Time ? new TimeWindow(rules, breaker.Clock) : new CountWindow(rules);
        _slowCallDuration = rules.SlowCallDuration;
    }

    public override CircuitState State => CircuitState.Closed;

    public override TimeSpan? RetryAfter => TimeSpan.Zero;

    public bool WantsDuration => Rules.CountsSlowCalls;

    public override bool TryAcquire(out CircuitPermit permit)
    {
        permit = new CircuitPermit(this);
        return true;
    }

    public void Success(TimeSpan duration)
    {
        // Read before written: an unconditional write would take the cache line from every other processor on every call.
        if (_consecutiveFailures != 0)
            Volatile.Write(ref _consecutiveFailures, 0);

        if (duration > _slowCallDuration)
        {
            _window.Add(failed: false, slow: true);
            TripIf(_window.JudgeSuspect());
        }
        else if (_window.AddSuccess())
        {
            TripIf(_window.Judge());
        }
    }

    public void Failure(TimeSpan duration)
    {
        _window.Add(failed: true, slow: duration > _slowCallDuration);
        bool tooManyInARow = CountInARow() >= Rules.ConsecutiveFailures;
        TripIf(_window.JudgeSuspect() ?? (tooManyInARow ? CircuitTransitionReason.ConsecutiveFailures : null));
    }

    public void Neutral()
    {
    }

    public override CircuitSnapshot Describe()
    {
        WindowCounts counts = _window.Count();
        return base.Describe() with
        {
            Successes = counts.Successes,
            Failures = counts.Failures,
            SlowCalls = counts.SlowCalls,
            ConsecutiveFailures = Volatile.Read(ref _consecutiveFailures),
        };
    }

    // Exact where a rule depends on it; where only a snapshot does, a count that another thread's failure may get lost in saves a quarter of a failure.
    private int CountInARow() =>
        Rules.CountsConsecutiveFailures ? Interlocked.Increment(ref _consecutiveFailures) : ++_consecutiveFailures;

    private void TripIf(CircuitTransitionReason? reason)
    {
        if (reason is not null)
            Breaker.Open(this, reason.Value);
    }
}
