namespace PipelineOps;

/// <summary>A stage's options, validated and made ready for the executor. Immutable: a call keeps the one that it began with.</summary>
internal sealed record StagePolicy
{
    // The longest wait that a timer takes.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    public required StageTelemetry Telemetry { get; init; }

    /// <summary>Those of <see cref="Telemetry"/>, a step nearer.</summary>
    public required StageMetrics Metrics { get; init; }

    /// <summary>Whether what the delegate logs is in a scope of its own.</summary>
    public required bool LogScopes { get; init; }

    public required TimeProvider TimeProvider { get; init; }

    public required CoarseClock Clock { get; init; }

    public required Func<double>? Random { get; init; }

    public required ErrorClassifier ErrorClassifier { get; init; }

    public required ResultRules? ResultRules { get; init; }

    /// <summary>Zero for none.</summary>
    public required TimeSpan AttemptTimeout { get; init; }

    /// <summary>Zero for none.</summary>
    public required TimeSpan TotalTimeout { get; init; }

    public required int MaxRetries { get; init; }

    /// <summary>Whether a call that is too large is left to whoever can make it smaller, instead of being tried again as it is.</summary>
    public bool LeavesReduction { get; init; }

    public required Backoff Backoff { get; init; }

    public required Backoff StandardBackoff { get; init; }

    public required RetryBudget? Budget { get; init; }

    public required CircuitBreaker? Circuit { get; init; }

    public required bool WaitWhileCircuitOpen { get; init; }

    public required ConcurrencyLimiter? Limiter { get; init; }

    /// <summary>Set where there is a circuit.</summary>
    public required Rejection? CircuitRejection { get; init; }

    /// <summary>Set where there is a limiter.</summary>
    public required Rejection? ConcurrencyRejection { get; init; }

    /// <summary>Whether an attempt needs a cancellation source of its own.</summary>
    public required bool HasDeadline { get; init; }

    /// <summary>Whether a call holds nothing but the circuit's permit: no deadline, no slot.</summary>
    public required bool IsPlain { get; init; }

    /// <summary>Whether a result of this type can be a failure.</summary>
    public bool JudgesResults<T>() => ResultRules is not null && ResultRules.Find<T>() is not null;

    /// <summary>The delay before the next attempt: the backoff's, or what the dependency asked for if that is longer.</summary>
    public TimeSpan NextDelay(in ErrorClassification classification, int retry, TimeSpan previousDelay)
    {
        Backoff backoff = classification.Strategy == RecoveryStrategy.StandardRetry ? StandardBackoff : Backoff;
        TimeSpan delay = backoff.GetDelay(retry, previousDelay, Random);
        if (classification.RetryAfter > delay)
            delay = classification.RetryAfter.Value;

        return delay < LongestDelay ? delay : LongestDelay;
    }

    public StageTimeoutException TimedOut(StageTimeoutKind kind, Exception? cause) =>
        new(Telemetry.Pipeline, Telemetry.Stage, kind, kind == StageTimeoutKind.Attempt ? AttemptTimeout : TotalTimeout, cause);
}
