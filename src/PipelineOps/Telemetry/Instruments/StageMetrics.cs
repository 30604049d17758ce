using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>What one stage measures. Its tags are prepared once, in the order in which every instrument carries them.</summary>
internal sealed class StageMetrics
{
    // What is counted for these starts at zero, so that a first one shows in a rate; others appear with their first.
    private static readonly ErrorCategory[] RetriedByDefault = [.. EventCounts.Categories.Where(static category => ErrorClassification.For(category).IsRetryable)];
    private static readonly ErrorCategory[] KeptByDefault =
        [.. EventCounts.Categories.Where(static category => ErrorClassification.For(category).Strategy != RecoveryStrategy.Propagate)];

    private readonly StageInstruments _instruments;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _attemptDuration;
    private readonly StageLogs _logs;
    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly double _secondsPerTick;
    private CallCounts? _calls;
    private EventCounts? _events;

    public StageMetrics(KeyValuePair<string, object?>[] tags, StageInstruments instruments, StageLogs logs, TimeProvider timeProvider)
    {
        _instruments = instruments;
        _duration = instruments.Duration;
        _attemptDuration = instruments.AttemptDuration;
        _logs = logs;
        _secondsPerTick = 1.0 / timeProvider.TimestampFrequency;
        _tags = tags;
        instruments.Register(this);
    }

    /// <summary>The circuit whose state is observed; set once the stage has one.</summary>
    public CircuitBreaker? Circuit { get; set; }

    /// <summary>Reads the concurrency limit; answers <see langword="null"/> if there is none.</summary>
    public Func<ConcurrencyReading?>? ReadConcurrency { get; set; }

    /// <summary>Reads what became of records.</summary>
    public Func<RecordReading>? ReadRecords { get; set; }

    /// <summary>Reads how many records the dependency takes at once; answers <see langword="null"/> while that is not known.</summary>
    public Func<int?>? ReadBatchLimit { get; set; }

    /// <summary>Whether anybody listens to what every call measures.</summary>
    public bool IsMetering => PipelineOpsTelemetry.IsSupported && (_duration.Enabled || _attemptDuration.Enabled || (_calls is not null && _instruments.AreCallsWanted));

    /// <summary>Whether the age of records is asked for.</summary>
    public bool WantsAges => PipelineOpsTelemetry.IsSupported && _instruments.RecordAge.Enabled;

    public void Unregister() => _instruments.Unregister(this);

    /// <summary>A call begins. Answers whether it was counted, because somebody wants that, and is to be counted where it ends.</summary>
    public bool TryCountBegin()
    {
        if (!_instruments.AreCallsWanted)
            return false;

        EnsureCalls().Begin();
        return true;
    }

    /// <summary>A call that began succeeded, however many attempts that took; the time is in ticks of the stage's clock.</summary>
    public void CallSucceeded(long elapsed, int attempts, bool isCounted)
    {
        if (isCounted)
            EnsureCalls().End(attempts > 1 ? CallOutcome.SucceededAfterRetry : CallOutcome.Succeeded, attempts);

        Record(_duration, elapsed, _tags);
    }

    /// <summary>A call that began and reached its delegate failed; the time is in ticks of the stage's clock.</summary>
    public void CallFailed(long elapsed, int attempts, string errorType, bool isCounted)
    {
        if (isCounted)
            EnsureCalls().End(attempts > 1 ? CallOutcome.FailedAfterRetries : CallOutcome.FailedWithoutRetry, attempts);

        Record(_duration, elapsed, With(errorType));
    }

    /// <summary>A call that began ended before its first attempt.</summary>
    public void CallEndedUnattempted() => EnsureCalls().EndUnattempted();

    /// <summary>An attempt succeeded; the time is in ticks of the stage's clock.</summary>
    public void AttemptSucceeded(long elapsed)
    {
        if (_attemptDuration.Enabled)
            Record(_attemptDuration, elapsed, _tags);
    }

    /// <summary>An attempt failed; the time is in ticks of the stage's clock.</summary>
    public void AttemptFailed(long elapsed, string errorType) => Record(_attemptDuration, elapsed, With(errorType));

    public void RetryStarted(ErrorCategory category) => EnsureEvents().AddRetry(category);

    public void Count(StageEvent happened) => EnsureEvents().Add(happened);

    public void CircuitRejected()
    {
        if (_instruments.AreCircuitRejectionsWanted)
            EnsureCalls().Reject();
    }

    public void CircuitChanged(CircuitTransition transition) => EnsureEvents().AddTransition(transition.From, transition.To);

    public void FailureStored(ErrorCategory category) => EnsureEvents().AddStored(category);

    /// <summary>The failure store has kept failures, or not; the time is in ticks of the stage's clock.</summary>
    public void StoreAppended(long elapsed, Exception? error) => Record(_instruments.AppendDuration, elapsed, error is null ? _tags : With(error.GetType().FullName!));

    public void RecordEnded(TimeSpan age) => Record(_instruments.RecordAge, Math.Max(0, age.TotalSeconds));

    public void BatchBegan(int records)
    {
        if (_instruments.BatchSize.Enabled)
            Record(_instruments.BatchSize, records);
    }

    public void BatchIsolated(int calls) => Record(_instruments.BatchCalls, calls);

    public void ObserveActiveCalls(List<Measurement<long>> into) => into.Add(new(EnsureCalls().Active(), _tags));

    public void ObserveCalls(List<Measurement<long>> into)
    {
        CallCounts counts = EnsureCalls();
        for (int i = 0; i < CallOutcomeTag.All.Length; i++)
            into.Add(new(counts.Calls((CallOutcome)i), _tags[0], _tags[1], new("outcome", CallOutcomeTag.All[i])));
    }

    public void ObserveAttempts(List<Measurement<long>> into) => into.Add(new(EnsureCalls().Attempts(), _tags));

    public void ObserveCircuitRejections(List<Measurement<long>> into)
    {
        if (Circuit is not null || _calls?.Rejections() > 0)
            into.Add(new(EnsureCalls().Rejections(), _tags));
    }

    public void ObserveRetries(List<Measurement<long>> into) => ObserveByCategory(into, RetriedByDefault, static (counts, category) => counts.Retries(category));

    public void ObserveFailuresStored(List<Measurement<long>> into) => ObserveByCategory(into, KeptByDefault, static (counts, category) => counts.Stored(category));

    public void ObserveEvents(StageEvent happened, List<Measurement<long>> into) => into.Add(new(_events?.Of(happened) ?? 0, _tags));

    public void ObserveCircuitState(List<Measurement<long>> into)
    {
        if (Circuit is not { } circuit)
            return;

        string current = circuit.State.ToTag();
        foreach (string state in CircuitStateTag.All)
            into.Add(new(state == current ? 1 : 0, _tags[0], _tags[1], new("state", state)));
    }

    public void ObserveTransitions(List<Measurement<long>> into)
    {
        if (Circuit is null && _events is null)
            return;

        foreach ((CircuitState from, CircuitState to) in CircuitStateTag.Transitions)
            into.Add(new(_events?.Transitions(from, to) ?? 0, _tags[0], _tags[1], new("from", from.ToTag()), new("to", to.ToTag())));
    }

    public void ObserveFailureRate(List<Measurement<double>> into)
    {
        if (Circuit is { } circuit)
            into.Add(new(circuit.GetSnapshot().FailureRatio, _tags));
    }

    public void ObserveConcurrency(List<Measurement<long>> into, Func<ConcurrencyReading, int> figure)
    {
        if (ReadConcurrency?.Invoke() is { } reading)
            into.Add(new(figure(reading), _tags));
    }

    public void ObserveConcurrencyRejections(List<Measurement<long>> into)
    {
        if (_events?.Of(StageEvent.ConcurrencyRejected) > 0 || ReadConcurrency?.Invoke() is not null)
            ObserveEvents(StageEvent.ConcurrencyRejected, into);
    }

    public void ObserveRecords(List<Measurement<long>> into)
    {
        RecordReading? reading = ReadRecords?.Invoke();
        for (int i = 0; i < DispositionTag.All.Length; i++)
            into.Add(new(reading?.Ended[i] ?? 0, _tags[0], _tags[1], new("disposition", DispositionTag.All[i])));
    }

    public void ObserveActiveRecords(List<Measurement<long>> into) => into.Add(new(ReadRecords?.Invoke().InFlight ?? 0, _tags));

    public void ObserveBatchLimit(List<Measurement<long>> into)
    {
        if (ReadBatchLimit?.Invoke() is { } limit)
            into.Add(new(limit, _tags));
    }

    private void ObserveByCategory(List<Measurement<long>> into, ErrorCategory[] always, Func<EventCounts, ErrorCategory, long> count)
    {
        foreach (ErrorCategory category in EventCounts.Categories)
        {
            long counted = _events is null ? 0 : count(_events, category);
            if (counted > 0 || always.Contains(category))
                into.Add(new(counted, _tags[0], _tags[1], new("category", category.ToTag())));
        }
    }

    private KeyValuePair<string, object?>[] With(string errorType) => [_tags[0], _tags[1], new(SpanAttribute.ErrorType, errorType)];

    private void Record(Histogram<double> histogram, long elapsed, KeyValuePair<string, object?>[] tags)
    {
        if (!PipelineOpsTelemetry.IsSupported)
            return;

        try
        {
            histogram.Record(elapsed * _secondsPerTick, tags);
        }
        catch (Exception exception)
        {
            ListenerFailed(exception);
        }
    }

    private void Record<T>(Histogram<T> histogram, T value)
        where T : struct
    {
        if (!PipelineOpsTelemetry.IsSupported)
            return;

        try
        {
            histogram.Record(value, _tags);
        }
        catch (Exception exception)
        {
            ListenerFailed(exception);
        }
    }

    // A listener's fault must not become the call's.
    private void ListenerFailed(Exception exception) => _logs.CallbackFailed("meter listener", exception);

    // Made when somebody first measures or observes: a stage that nobody watches does not pay for its lines.
    private CallCounts EnsureCalls() => _calls ?? Interlocked.CompareExchange(ref _calls, new CallCounts(), null) ?? _calls!;

    private EventCounts EnsureEvents() => _events ?? Interlocked.CompareExchange(ref _events, new EventCounts(), null) ?? _events!;
}
