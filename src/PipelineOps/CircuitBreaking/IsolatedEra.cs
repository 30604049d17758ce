namespace PipelineOps;

internal sealed class IsolatedEra(CircuitBreaker breaker, CircuitRules rules) : CircuitEra(breaker, rules, breaksInARow: 0)
{
    public override CircuitState State => CircuitState.Isolated;

    public override TimeSpan? RetryAfter => null;

    public override bool TryAcquire(out CircuitPermit permit)
    {
        permit = default;
        return false;
    }
}
