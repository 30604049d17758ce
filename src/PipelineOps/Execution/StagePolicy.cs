namespace PipelineOps;

/// <summary>A stage's options, validated and made ready for the executor. Immutable: a call keeps the one that it began with.</summary>
internal sealed class StagePolicy
{
    // The longest wait that a timer takes.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    public required StageTelemetry Telemetry { get; init; }

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

    /// <summary>The delay before the next attempt: the backoff's, or what the dependency asked for if that is longer.</summary>
    public TimeSpan NextDelay(in ErrorClassification classification, int retry, TimeSpan previousDelay)
    {
        Backoff backoff = classification.Strategy == RecoveryStrategy.StandardRetry ? StandardBackoff : Backoff;
        TimeSpan delay = backoff.GetDelay(retry, previousDelay, Random);
        if (classification.RetryAfter > delay)
            delay = classification.RetryAfter.Value;

        return delay < LongestDelay ? delay : LongestDelay;
    }

    /// <summary>Acquires and arms all that an attempt needs, unless that takes a wait.</summary>
    /// <param name="progress">What was acquired.</param>
    /// <param name="timed">Whether the result will tell the duration.</param>
    /// <param name="callerToken">The caller's token.</param>
    /// <param name="token">The token to give to the delegate.</param>
    public CallStart Begin(ref CallProgress progress, bool timed, CancellationToken callerToken, out CancellationToken token)
    {
        token = callerToken;

        // A span changes the caller's execution context, which only an async method gives back.
        if (callerToken.IsCancellationRequested || StageTelemetry.IsTracing)
            return CallStart.Deferred;

        if (Limiter is { } limiter && !(progress.HoldsSlot = limiter.TryAcquire()))
            return CallStart.Deferred;

        if (Circuit is { } circuit && !circuit.TryAcquire(out progress.Permit))
        {
            if (WaitWhileCircuitOpen)
                return CallStart.Deferred;

            if (progress.HoldsSlot)
                Limiter!.Release();

            Telemetry.CircuitRejected();
            return CallStart.Rejected;
        }

        progress.Attempts = 1;
        if (timed || Telemetry.IsMetering || progress.Permit.WantsDuration)
        {
            progress.IsTimed = true;
            progress.StartTimestamp = TimeProvider.GetTimestamp();
        }

        if (HasDeadline)
        {
            progress.StartMilliseconds = Clock.Milliseconds;
            token = progress.Arm(this, TotalTimeout > TimeSpan.Zero ? TotalTimeout : TimeSpan.MaxValue, callerToken);
        }

        return CallStart.Begun;
    }

    /// <summary>Gives back and reports what the only attempt of a call held, and answers the call's duration if that is asked for.</summary>
    public TimeSpan Succeed(in CallProgress progress, bool tellDuration)
    {
        if (!IsPlain)
        {
            progress.Lease.Dispose();
            if (progress.HoldsSlot)
                Limiter!.Release();
        }

        Budget?.Deposit();
        if (!progress.IsTimed)
        {
            progress.Permit.Success();
            return TimeSpan.Zero;
        }

        long elapsed = TimeProvider.GetTimestamp() - progress.StartTimestamp;
        Telemetry.CallSucceeded(elapsed, attempts: 1);
        if (!tellDuration && !progress.Permit.WantsDuration)
        {
            progress.Permit.Success();
            return TimeSpan.Zero;
        }

        TimeSpan duration = Telemetry.ToTimeSpan(elapsed);
        progress.Permit.Success(duration);
        return duration;
    }

    public StageTimeoutException TimedOut(StageTimeoutKind kind, Exception? cause) =>
        new(Telemetry.Pipeline, Telemetry.Stage, kind, kind == StageTimeoutKind.Attempt ? AttemptTimeout : TotalTimeout, cause);
}
