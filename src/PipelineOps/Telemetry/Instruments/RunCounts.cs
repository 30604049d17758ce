namespace PipelineOps;

/// <summary>Counts a pipeline's runs where they begin and where they end.</summary>
internal sealed class RunCounts(string pipeline)
{
    private readonly long[] _ended = new long[RunStatusTag.All.Length];
    private long _begun;

    public KeyValuePair<string, object?> Pipeline { get; } = new("pipeline", pipeline);

    /// <summary>Whether there was no run.</summary>
    public bool IsUntouched => Volatile.Read(ref _begun) == 0;

    public void Begin() => Interlocked.Increment(ref _begun);

    public void End(RunStatus status) => Interlocked.Increment(ref _ended[(int)status - 1]);

    public long Ended(RunStatus status) => Volatile.Read(ref _ended[(int)status - 1]);

    /// <summary>Runs that have begun and not ended. Ends are read first, so that this is never negative.</summary>
    public long Active()
    {
        long ended = Ended(RunStatus.Succeeded) + Ended(RunStatus.Failed) + Ended(RunStatus.Abandoned);
        return Volatile.Read(ref _begun) - ended;
    }
}
