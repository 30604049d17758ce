using System.Diagnostics;

namespace PipelineOps;

/// <summary>The waits that a call may go through before an attempt, within its total timeout, and how they end in vain.</summary>
internal static class StageWaits
{
    /// <summary>Answers <see langword="null"/> once a slot is held.</summary>
    public static async ValueTask<CallFailure?> ForSlotAsync(
        StagePolicy policy, ConcurrencyLimiter limiter, TimeSpan remaining, Activity? span, CancellationToken cancellationToken)
    {
        CancellationLease lease = default;
        try
        {
            CancellationToken token = lease.ArmTotal(policy.TimeProvider, remaining, cancellationToken);
            ValueTask<bool> slot = limiter.AcquireAsync(token);
            if (span is not null && !slot.IsCompleted)
                policy.Telemetry.Spans.Waits(span, "slot");

            if (await slot.ConfigureAwait(false))
                return null;

            policy.Metrics.Count(StageEvent.ConcurrencyRejected);
            return policy.ConcurrencyRejection;
        }
        catch (OperationCanceledException)
        {
            if (!cancellationToken.IsCancellationRequested)
                policy.Metrics.Count(StageEvent.ConcurrencyRejected);

            return Ended(policy, null, cancellationToken);
        }
        finally
        {
            lease.Dispose();
        }
    }

    /// <summary>Answers a permit, or why there is none: the circuit is open and the stage does not wait, or not that long.</summary>
    public static async ValueTask<(CircuitPermit Permit, CallFailure? Refused)> ForCircuitAsync(
        StagePolicy policy, CircuitBreaker circuit, TimeSpan remaining, Exception? lastError, Activity? span, CancellationToken cancellationToken)
    {
        CancellationLease lease = default;
        long start = policy.Clock.Milliseconds;
        try
        {
            CancellationToken token = default;
            CircuitPermit permit;
            while (!circuit.TryAcquire(out permit))
            {
                TimeSpan left = remaining == TimeSpan.MaxValue ? remaining : remaining - TimeSpan.FromMilliseconds(policy.Clock.Milliseconds - start);

                // Only a break is sure to last: a half-open circuit frees its place as soon as the probe ends, however long the lease.
                if (!policy.WaitWhileCircuitOpen || (circuit.State == CircuitState.Open && circuit.RetryAfter >= left))
                {
                    policy.Metrics.CircuitRejected();
                    if (span is not null)
                        policy.Telemetry.Spans.CircuitRejected(span, circuit.RetryAfter);

                    return (default, policy.CircuitRejection);
                }

                if (token == default)
                {
                    token = lease.ArmTotal(policy.TimeProvider, remaining, cancellationToken);
                    if (span is not null)
                        policy.Telemetry.Spans.Waits(span, "circuit");
                }

                await circuit.WaitForChangeAsync(token).ConfigureAwait(false);
                token.ThrowIfCancellationRequested();
            }

            return (permit, null);
        }
        catch (OperationCanceledException)
        {
            return (default, Ended(policy, lastError, cancellationToken));
        }
        finally
        {
            lease.Dispose();
        }
    }

    public static CallFailure Cancelled(StagePolicy policy, Exception? lastError, CancellationToken cancellationToken) =>
        new(
            new OperationCanceledException($"Cancelled while stage {policy.Telemetry.Name} waited for its next attempt.", lastError, cancellationToken),
            ErrorClassification.Cancelled);

    private static CallFailure Ended(StagePolicy policy, Exception? lastError, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? Cancelled(policy, lastError, cancellationToken)
            : TimedOut(policy, lastError);

    private static CallFailure TimedOut(StagePolicy policy, Exception? lastError)
    {
        StageTimeoutException exception = policy.TimedOut(StageTimeoutKind.Total, lastError);
        return new(exception, policy.ErrorClassifier.Classify(exception));
    }
}
