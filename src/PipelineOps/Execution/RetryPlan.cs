namespace PipelineOps;

/// <summary>Whether another attempt follows a failed one, and when.</summary>
internal static class RetryPlan
{
    /// <summary>Decides whether another attempt follows and after which delay. The reasons against it are asked in the order of their cost.</summary>
    public static bool TryMake(StagePolicy policy, in CallProgress progress, in AttemptFailure failure, in CallSubject subject, ref TimeSpan delay)
    {
        ErrorClassification classification = failure.Classification;
        if (!classification.IsRetryable || policy.MaxRetries == 0 || (policy.LeavesReduction && classification.Strategy == RecoveryStrategy.ReduceBatch))
            return false;

        string? obstacle = null;
        if (progress.Attempts > policy.MaxRetries)
        {
            obstacle = "no retries are left";
        }
        else
        {
            delay = policy.NextDelay(in classification, progress.Attempts, delay);
            if (delay >= progress.Remaining(policy))
            {
                obstacle = "the next delay does not fit into the total timeout";
            }
            else if (!policy.WaitWhileCircuitOpen && policy.Circuit is { } circuit && StaysOpen(circuit, delay))
            {
                obstacle = "the circuit stays open beyond the next delay";
            }
            else if (policy.Budget?.TryWithdraw() == false)
            {
                policy.Metrics.Count(StageEvent.RetryDenied);
                obstacle = "the retry budget is empty";
            }
        }

        if (obstacle is not null)
        {
            policy.Telemetry.Logs.RetriesExhausted(progress.Attempts, in failure, obstacle, in subject);
            policy.Metrics.Count(StageEvent.RetriesExhausted);
            return false;
        }

        policy.Telemetry.Logs.Retry(progress.Attempts, in failure, delay, in subject);
        if (progress.Span is { } span)
            policy.Telemetry.Spans.RetryPlanned(span, progress.Attempts, in failure, delay);

        return true;
    }

    // Not asked of a half-open circuit: its probe may close it at any time.
    private static bool StaysOpen(CircuitBreaker circuit, TimeSpan delay) =>
        circuit.State is CircuitState.Open or CircuitState.Isolated && !(circuit.RetryAfter <= delay);
}
