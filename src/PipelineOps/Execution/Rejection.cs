namespace PipelineOps;

/// <summary>A reason for which a stage refuses calls. Made once for each stage, so that refusing a call allocates nothing.</summary>
internal abstract class Rejection
{
    /// <summary>The value of <c>error.type</c>.</summary>
    public abstract string ErrorType { get; }

    public abstract StageRejectedException ToException(TimeSpan? retryAfter);

    public sealed class ByCircuit(string pipeline, string stage) : Rejection
    {
        public override string ErrorType => typeof(CircuitOpenException).FullName!;

        public override StageRejectedException ToException(TimeSpan? retryAfter) => new CircuitOpenException(pipeline, stage, retryAfter);
    }

    public sealed class ByConcurrency(string pipeline, string stage, int maxConcurrent, int maxQueued) : Rejection
    {
        public override string ErrorType => typeof(ConcurrencyLimitException).FullName!;

        public override StageRejectedException ToException(TimeSpan? retryAfter) =>
            new ConcurrencyLimitException(pipeline, stage, maxConcurrent, maxQueued);
    }
}
