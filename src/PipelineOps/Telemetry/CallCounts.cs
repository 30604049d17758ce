namespace PipelineOps;

/// <summary>Counts calls by outcome, and attempts, in one cache line per processor, so that counting threads never share one.</summary>
internal sealed class CallCounts
{
    private const int LineLength = 8; // longs: 64 bytes
    private const int ExtraAttempts = 4; // the slot behind the outcomes: attempts beyond a call's first

    private static readonly int Mask = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Min(Environment.ProcessorCount, 64)) - 1;

    // One line in front keeps the array's header, which every reader shares, away from the first processor's counts.
    private readonly long[] _lines = new long[(Mask + 2) * LineLength];

    public void Add(CallOutcome outcome, int attempts)
    {
        int line = ((Thread.GetCurrentProcessorId() & Mask) + 1) * LineLength;
        Interlocked.Increment(ref _lines[line + (int)outcome]);
        if (attempts > 1)
            Interlocked.Add(ref _lines[line + ExtraAttempts], attempts - 1);
    }

    public long Calls(CallOutcome outcome) => Sum((int)outcome);

    public long Attempts() =>
        Sum((int)CallOutcome.Succeeded) + Sum((int)CallOutcome.SucceededAfterRetry)
        + Sum((int)CallOutcome.FailedWithoutRetry) + Sum((int)CallOutcome.FailedAfterRetries) + Sum(ExtraAttempts);

    private long Sum(int slot)
    {
        long sum = 0;
        for (int i = LineLength + slot; i < _lines.Length; i += LineLength)
            sum += Volatile.Read(ref _lines[i]);

        return sum;
    }
}
