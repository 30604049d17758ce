namespace PipelineOps;

/// <summary>Counts calls where they begin and where they end, and attempts, in one cache line per processor, so that counting threads never share one.</summary>
internal sealed class CallCounts
{
    private const int LineLength = 8; // longs: 64 bytes

    // The slots behind the outcomes.
    private const int ExtraAttempts = 4; // attempts beyond a call's first
    private const int Begun = 5;
    private const int Unattempted = 6; // calls that ended before their first attempt
    private const int Rejected = 7; // by the circuit

    private static readonly int Mask = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Min(Environment.ProcessorCount, 64)) - 1;

    // One line in front keeps the array's header, which every reader shares, away from the first processor's counts.
    private readonly long[] _lines = new long[(Mask + 2) * LineLength];

    private static int Line => ((Thread.GetCurrentProcessorId() & Mask) + 1) * LineLength;

    public void Begin() => Interlocked.Increment(ref _lines[Line + Begun]);

    public void End(CallOutcome outcome, int attempts)
    {
        int line = Line;
        Interlocked.Increment(ref _lines[line + (int)outcome]);
        if (attempts > 1)
            Interlocked.Add(ref _lines[line + ExtraAttempts], attempts - 1);
    }

    public void EndUnattempted() => Interlocked.Increment(ref _lines[Line + Unattempted]);

    public void Reject() => Interlocked.Increment(ref _lines[Line + Rejected]);

    public long Calls(CallOutcome outcome) => Sum((int)outcome);

    public long Attempts() => Attempted() + Sum(ExtraAttempts);

    public long Rejections() => Sum(Rejected);

    /// <summary>Calls that have begun and not ended. Ends are read first, so that this is never negative.</summary>
    public long Active()
    {
        long ended = Attempted() + Sum(Unattempted);
        return Sum(Begun) - ended;
    }

    private long Attempted() =>
        Sum((int)CallOutcome.Succeeded) + Sum((int)CallOutcome.SucceededAfterRetry) + Sum((int)CallOutcome.FailedWithoutRetry) + Sum((int)CallOutcome.FailedAfterRetries);

    private long Sum(int slot)
    {
        long sum = 0;
        for (int i = LineLength + slot; i < _lines.Length; i += LineLength)
            sum += Volatile.Read(ref _lines[i]);

        return sum;
    }
}
