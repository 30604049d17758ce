namespace PipelineOps.Tests.CircuitBreaking;

/// <summary>A clock that is set, also backwards, and takes no lock. It has no timers.</summary>
internal sealed class SteppingTimeProvider : TimeProvider
{
    private long _milliseconds = 1_000_000;

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => Volatile.Read(ref _milliseconds);

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddMilliseconds(GetTimestamp());

    public void Step(TimeSpan by) => Interlocked.Add(ref _milliseconds, (long)by.TotalMilliseconds);
}
