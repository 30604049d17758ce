using System.Numerics;

namespace PipelineOps;

/// <summary>
/// Counts what happened within the last window, to one of its sixteen epochs. A bucket is one word, the epoch above the count, so that starting a bucket
/// afresh and counting into it is one compare-and-swap: nothing is lost or lands in the wrong epoch. A striped one has a ring of buckets for each
/// processor, for what healthy records count.
/// </summary>
internal sealed class WindowCount
{
    private const int Buckets = WindowClock.EpochsPerWindow;

    // Words before the first ring and after the last, so that neighbours on the heap do not share their cache lines.
    private const int Padding = 8;

    private static readonly int Stripes = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Min(Environment.ProcessorCount, 64));

    private readonly int _countBits;
    private readonly int _stripeMask;
    private readonly long[] _words;

    public WindowCount(WindowClock clock, bool striped)
    {
        _countBits = clock.CountBits;
        _stripeMask = striped ? Stripes - 1 : 0;
        _words = new long[striped ? Padding + Stripes * Buckets + Padding : Padding + Buckets];
    }

    public void Add(long epoch, int count)
    {
        int stripe = _stripeMask == 0 ? 0 : Thread.GetCurrentProcessorId() & _stripeMask;
        ref long bucket = ref _words[Padding + stripe * Buckets + ((int)epoch & (Buckets - 1))];
        long empty = epoch << _countBits;
        long seen = Volatile.Read(ref bucket);
        while (true)
        {
            // An older epoch's word is below the empty one and is replaced; a later epoch's, from a thread that read the clock afterwards, is kept.
            long before = Interlocked.CompareExchange(ref bucket, Math.Max(seen, empty) + count, seen);
            if (before == seen)
                return;

            seen = before;
        }
    }

    public long Sum(long epoch)
    {
        // The first epochs have none before them: empty buckets read as counts of zero.
        long oldest = Math.Max(0, epoch - Buckets + 1) << _countBits;
        long mask = (1L << _countBits) - 1;
        long sum = 0;
        foreach (ref readonly long bucket in _words.AsSpan(Padding))
        {
            long word = Volatile.Read(in bucket);
            if (word >= oldest)
                sum += word & mask;
        }

        return sum;
    }
}
