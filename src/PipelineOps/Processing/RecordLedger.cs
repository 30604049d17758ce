using System.Diagnostics;
using System.Numerics;

namespace PipelineOps;

/// <summary>
/// Counts records where they begin and again where they end, in one cache line for each processor, so that counting threads never share one. A record
/// that gets lost between the two stays in flight for ever, and one that ends twice makes that negative.
/// </summary>
internal sealed class RecordLedger
{
    private const int LineLength = 8; // longs: 64 bytes
    private const int Begun = 7; // the slot behind the dispositions

    private static readonly int Mask = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Min(Environment.ProcessorCount, 64)) - 1;

    // One line in front keeps the array's header, which every reader shares, away from the first processor's counts.
    private readonly long[] _lines = new long[(Mask + 2) * LineLength];

    /// <summary>Counts records that begin, and answers the line to end them in: asking for the processor again would cost as much as counting.</summary>
    public int Begin(int records)
    {
        int line = ((Thread.GetCurrentProcessorId() & Mask) + 1) * LineLength;
        Interlocked.Add(ref _lines[line + Begun], records);
        return line;
    }

    public void End(int line, Disposition disposition, int records) => Interlocked.Add(ref _lines[line + (int)disposition], records);

    /// <summary>A consistent reading: whoever ended was counted as begun before, so what ended is read first.</summary>
    public RecordAccounting Read()
    {
        long succeeded = Sum((int)Disposition.Succeeded);
        long filtered = Sum((int)Disposition.Filtered);
        long quarantined = Sum((int)Disposition.Quarantined);
        long deadLettered = Sum((int)Disposition.DeadLettered);
        long parked = Sum((int)Disposition.Parked);
        long failedUnknown = Sum((int)Disposition.FailedUnknown);
        long returned = Sum((int)Disposition.Returned);
        long begun = Sum(Begun);
        long inFlight = begun - succeeded - filtered - quarantined - deadLettered - parked - failedUnknown - returned;
        Debug.Assert(inFlight >= 0, "A record ended twice.");
        return new RecordAccounting
        {
            Read = begun - returned,
            Succeeded = succeeded,
            Filtered = filtered,
            Quarantined = quarantined,
            DeadLettered = deadLettered,
            Parked = parked,
            FailedUnknown = failedUnknown,
            Returned = returned,
            InFlight = inFlight,
        };
    }

    private long Sum(int slot)
    {
        long sum = 0;
        for (int i = LineLength + slot; i < _lines.Length; i += LineLength)
            sum += Volatile.Read(ref _lines[i]);

        return sum;
    }
}
