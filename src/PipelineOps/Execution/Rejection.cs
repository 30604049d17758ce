namespace PipelineOps;

/// <summary>A reason for which a stage refuses calls. Made once for each stage, so that refusing a call allocates nothing.</summary>
internal abstract class Rejection() : CallFailure(new AttemptFailure(null, ErrorClassification.Throttled))
{
    public override bool IsByResult => false;

    public sealed class ByCircuit(string pipeline, string stage, CircuitBreaker circuit) : Rejection
    {
        // As of the reading: what counts is how long to wait from then on.
        public override ErrorClassification Classification => ErrorClassification.Throttled with { RetryAfter = circuit.RetryAfter };

        public override string ErrorType => typeof(CircuitOpenException).FullName!;

        public override Exception ToException() => new CircuitOpenException(pipeline, stage, circuit.RetryAfter);
    }

    public sealed class ByConcurrency(string pipeline, string stage, int maxConcurrent, int maxQueued) : Rejection
    {
        public override string ErrorType => typeof(ConcurrencyLimitException).FullName!;

        public override Exception ToException() => new ConcurrencyLimitException(pipeline, stage, maxConcurrent, maxQueued);
    }
}
