using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>What one stage measures. Its tags are prepared once, in the order in which every instrument carries them.</summary>
internal sealed class StageMetrics
{
    private readonly StageInstruments _instruments;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _attemptDuration;
    private readonly StageLogs _logs;
    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly double _secondsPerTick;
    private readonly StageCounts _counts;
    private CircuitBreaker? _circuit;

    public StageMetrics(string pipeline, string stage, KeyValuePair<string, object?>[] tags, StageInstruments instruments, StageLogs logs, TimeProvider timeProvider)
    {
        _instruments = instruments;
        _duration = instruments.Duration;
        _attemptDuration = instruments.AttemptDuration;
        _logs = logs;
        _secondsPerTick = 1.0 / timeProvider.TimestampFrequency;
        _tags = tags;
        _counts = instruments.Join(this, pipeline, stage);
    }

    /// <summary>The circuit whose state is observed; set once the stage has one.</summary>
    public CircuitBreaker? Circuit
    {
        get => _circuit;
        set
        {
            _circuit = value;
            _counts.HasCircuit |= value is not null;
        }
    }

    /// <summary>Reads the concurrency limit; answers <see langword="null"/> if there is none.</summary>
    public Func<ConcurrencyReading?>? ReadConcurrency { get; set; }

    /// <summary>Reads how many records the dependency takes at once; answers <see langword="null"/> while that is not known.</summary>
    public Func<int?>? ReadBatchLimit { get; set; }

    /// <summary>Whether anybody listens to what every call measures.</summary>
    public bool IsMetering => PipelineOpsTelemetry.IsSupported && (_duration.Enabled || _attemptDuration.Enabled || (_counts.KnownCalls is not null && _instruments.AreCallsWanted));

    /// <summary>Whether the age of records is asked for.</summary>
    public bool WantsAges => PipelineOpsTelemetry.IsSupported && _instruments.RecordAge.Enabled;

    /// <summary>The stage is disposed of. What it counted stays.</summary>
    public void Leave() => _instruments.Leave(this, _counts);

    /// <summary>The stage begins to process records; <paramref name="read"/> tells what becomes of them, and holds nothing of the stage.</summary>
    public void RecordsBegin(Func<RecordReading> read) => _counts.Records.Add(read);

    /// <summary>The stage, which is disposed of, begins no more records.</summary>
    public void RecordsEnd(Func<RecordReading> read) => _counts.Records.End(read);

    /// <summary>The stage has a concurrency limit.</summary>
    public void Limited() => _counts.HasLimit = true;

    /// <summary>A call begins. Answers whether it was counted, because somebody wants that, and is to be counted where it ends.</summary>
    public bool TryCountBegin()
    {
        if (!_instruments.AreCallsWanted)
            return false;

        _counts.Calls.Begin();
        return true;
    }

    /// <summary>A call that began succeeded, however many attempts that took; the time is in ticks of the stage's clock.</summary>
    public void CallSucceeded(long elapsed, int attempts, bool isCounted)
    {
        if (isCounted)
            _counts.Calls.End(attempts > 1 ? CallOutcome.SucceededAfterRetry : CallOutcome.Succeeded, attempts);

        Record(_duration, elapsed, _tags);
    }

    /// <summary>A call that began and reached its delegate failed; the time is in ticks of the stage's clock.</summary>
    public void CallFailed(long elapsed, int attempts, string errorType, bool isCounted)
    {
        if (isCounted)
            _counts.Calls.End(attempts > 1 ? CallOutcome.FailedAfterRetries : CallOutcome.FailedWithoutRetry, attempts);

        Record(_duration, elapsed, With(errorType));
    }

    /// <summary>A call that began ended before its first attempt.</summary>
    public void CallEndedUnattempted() => _counts.Calls.EndUnattempted();

    /// <summary>An attempt succeeded; the time is in ticks of the stage's clock.</summary>
    public void AttemptSucceeded(long elapsed)
    {
        if (_attemptDuration.Enabled)
            Record(_attemptDuration, elapsed, _tags);
    }

    /// <summary>An attempt failed; the time is in ticks of the stage's clock.</summary>
    public void AttemptFailed(long elapsed, string errorType) => Record(_attemptDuration, elapsed, With(errorType));

    public void RetryStarted(ErrorCategory category) => _counts.Events.AddRetry(category);

    public void Count(StageEvent happened) => _counts.Events.Add(happened);

    public void CircuitRejected()
    {
        if (_instruments.AreCircuitRejectionsWanted)
            _counts.Calls.Reject();
    }

    public void CircuitChanged(CircuitTransition transition) => _counts.Events.AddTransition(transition.From, transition.To);

    public void FailureStored(ErrorCategory category) => _counts.Events.AddStored(category);

    /// <summary>The failure store has kept failures, or not; the time is in ticks of the stage's clock.</summary>
    public void StoreAppended(long elapsed, Exception? error) => Record(_instruments.AppendDuration, elapsed, error is null ? _tags : With(error.GetType().FullName!));

    public void RecordEnded(TimeSpan age) => Record(_instruments.RecordAge, Math.Max(0, age.TotalSeconds));

    public void BatchBegan(int records)
    {
        if (_instruments.BatchSize.Enabled)
            Record(_instruments.BatchSize, records);
    }

    public void BatchIsolated(int calls) => Record(_instruments.BatchCalls, calls);

    public void ObserveCircuitState(List<Measurement<long>> into)
    {
        if (Circuit is not { } circuit)
            return;

        string current = circuit.State.ToTag();
        foreach (string state in CircuitStateTag.All)
            into.Add(new(state == current ? 1 : 0, _tags[0], _tags[1], new("state", state)));
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

    public void ObserveBatchLimit(List<Measurement<long>> into)
    {
        if (ReadBatchLimit?.Invoke() is { } limit)
            into.Add(new(limit, _tags));
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
}
