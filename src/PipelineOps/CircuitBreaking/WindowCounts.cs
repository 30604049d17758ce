namespace PipelineOps;

/// <summary>What a window holds.</summary>
internal readonly record struct WindowCounts(long Successes, long Failures, long SlowCalls)
{
    public long Total => Successes + Failures;
}
