using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>What one stage reports. Its tags are prepared once, in the order in which every instrument carries them.</summary>
internal sealed class StageTelemetry
{
    private static readonly string[] OutcomeNames = ["succeeded", "succeeded_after_retry", "failed_without_retry", "failed_after_retries"];
    private static readonly CircuitState[] CircuitStates = Enum.GetValues<CircuitState>();
    private static readonly string[] CircuitStateNames = ["closed", "open", "half_open", "isolated"];

    private const string ActivityListenerName = "activity listener";
    private const string MeterListenerName = "meter listener";

    private readonly StageInstruments _instruments;
    private readonly Histogram<double> _duration;
    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly TimeProvider _timeProvider;
    private readonly double _secondsPerTick;
    private readonly double _timeSpanTicksPerTick;
    private CallCounts? _counts;

    public StageTelemetry(string pipeline, string stage, StageInstruments instruments, ILogger logger, TimeProvider timeProvider)
    {
        Pipeline = pipeline;
        Stage = stage;
        Name = $"{pipeline}/{stage}";
        Logs = new StageLogs(pipeline, stage, logger);
        _instruments = instruments;
        _duration = instruments.Duration;
        _timeProvider = timeProvider;
        _secondsPerTick = 1.0 / timeProvider.TimestampFrequency;
        _timeSpanTicksPerTick = (double)TimeSpan.TicksPerSecond / timeProvider.TimestampFrequency;
        _tags = [new("pipeline", pipeline), new("stage", stage)];
        instruments.Register(this);
    }

    public string Pipeline { get; }

    public string Stage { get; }

    /// <summary>The stage's name with its pipeline's, as spans and keyed services carry it.</summary>
    public string Name { get; }

    public StageLogs Logs { get; }

    /// <summary>The circuit whose state is observed; set once the stage has one.</summary>
    public CircuitBreaker? Circuit { get; set; }

    /// <summary>Whether anybody listens to what every call measures.</summary>
    public bool IsMetering => _duration.Enabled || (_counts is not null && _instruments.AreCountsWanted);

    public static bool IsTracing => StageInstruments.ActivitySource.HasListeners();

    public void Unregister() => _instruments.Unregister(this);

    /// <summary>Starts the call's span, if somebody wants it.</summary>
    public Activity? StartCall()
    {
        try
        {
            return StageInstruments.ActivitySource.StartActivity(ActivityKind.Internal, tags: _tags, name: Name);
        }
        catch (Exception exception)
        {
            // A listener's fault must not become the call's.
            Logs.CallbackFailed(ActivityListenerName, exception);
            return null;
        }
    }

    public void EndCall(Activity? activity)
    {
        try
        {
            activity?.Dispose();
        }
        catch (Exception exception)
        {
            // A listener's fault must not become the call's.
            Logs.CallbackFailed(ActivityListenerName, exception);
        }
    }

    public TimeSpan ToTimeSpan(long elapsed) => new((long)(elapsed * _timeSpanTicksPerTick));

    /// <summary>Records a call that succeeded, however many attempts that took; the time is in ticks of the stage's clock.</summary>
    public void CallSucceeded(long elapsed, int attempts)
    {
        if (!IsMetering)
            return;

        EnsureCounts().Add(attempts > 1 ? CallOutcome.SucceededAfterRetry : CallOutcome.Succeeded, attempts);
        Record(elapsed, _tags);
    }

    /// <summary>Records a call that reached its delegate and failed; the time is in ticks of the stage's clock.</summary>
    public void CallFailed(long elapsed, int attempts, string errorType)
    {
        if (!IsMetering)
            return;

        EnsureCounts().Add(attempts > 1 ? CallOutcome.FailedAfterRetries : CallOutcome.FailedWithoutRetry, attempts);
        Record(elapsed, [_tags[0], _tags[1], new("error.type", errorType)]);
    }

    public void RetryStarted(ErrorCategory category)
    {
        if (_instruments.Retries.Enabled)
            Add(_instruments.Retries, [_tags[0], _tags[1], new("category", category.ToTag())]);
    }

    public void RetryPlanned(Activity? activity, int attempt, in AttemptFailure failure, TimeSpan delay)
    {
        // Asked before the error's type is looked up: a retry is part of a call's latency.
        bool logging = Logs.WantsRetries;
        if (!logging && activity is null)
            return;

        string errorType = failure.ErrorType;
        ErrorCategory category = failure.Classification.Category;
        if (logging)
            Logs.Retry(attempt, in failure, delay);

        if (activity is { IsAllDataRequested: true })
        {
            activity.AddEvent(new ActivityEvent("retry", _timeProvider.GetUtcNow(), new ActivityTagsCollection
            {
                ["attempt"] = attempt,
                ["category"] = category.ToTag(),
                ["error.type"] = errorType,
                ["delay"] = delay.TotalSeconds,
            }));
        }
    }

    public void RetriesExhausted(int attempts, in AttemptFailure failure, string reason)
    {
        Logs.RetriesExhausted(attempts, in failure, reason);
        Add(_instruments.RetriesExhausted, _tags);
    }

    public void RetryDenied() => Add(_instruments.RetriesDenied, _tags);

    public void CircuitRejected() => Add(_instruments.CircuitRejections, _tags);

    public void CircuitChanged(CircuitTransition transition)
    {
        Logs.CircuitChanged(transition);
        Add(
            _instruments.CircuitTransitions,
            [_tags[0], _tags[1], new("from", CircuitStateNames[(int)transition.From]), new("to", CircuitStateNames[(int)transition.To])]);
    }

    public void ObserveCalls(List<Measurement<long>> measurements)
    {
        CallCounts counts = EnsureCounts();
        for (int i = 0; i < OutcomeNames.Length; i++)
            measurements.Add(new(counts.Calls((CallOutcome)i), _tags[0], _tags[1], new("outcome", OutcomeNames[i])));
    }

    public void ObserveAttempts(List<Measurement<long>> measurements) => measurements.Add(new(EnsureCounts().Attempts(), _tags));

    public void ObserveCircuit(List<Measurement<long>> measurements)
    {
        if (Circuit is not { } circuit)
            return;

        CircuitState current = circuit.State;
        foreach (CircuitState state in CircuitStates)
            measurements.Add(new(state == current ? 1 : 0, _tags[0], _tags[1], new("state", CircuitStateNames[(int)state])));
    }

    private void Record(long elapsed, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        try
        {
            _duration.Record(elapsed * _secondsPerTick, tags);
        }
        catch (Exception exception)
        {
            // A listener's fault must not become the call's.
            Logs.CallbackFailed(MeterListenerName, exception);
        }
    }

    private void Add(Counter<long> counter, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (!counter.Enabled)
            return;

        try
        {
            counter.Add(1, tags);
        }
        catch (Exception exception)
        {
            // A listener's fault must not become the call's.
            Logs.CallbackFailed(MeterListenerName, exception);
        }
    }

    // Made when somebody first measures or observes: a stage that nobody watches does not pay for its lines.
    private CallCounts EnsureCounts() => _counts ?? Interlocked.CompareExchange(ref _counts, new CallCounts(), null) ?? _counts!;
}
