using System.Numerics;

namespace PipelineOps;

/// <summary>
/// The outcomes of the last so many milliseconds, in sixteen buckets. Time is numbered in epochs of one bucket's length; a bucket is one word,
/// the epoch above the count, so that starting a bucket afresh and counting into it is one compare-and-swap: no outcome is lost or lands in the
/// wrong epoch. Successes have one ring of buckets for each processor; failures and slow calls, being rare, share one.
/// </summary>
internal sealed class TimeWindow : OutcomeWindow
{
    private const int Buckets = 16;
    private const int Never = -Buckets;

    // Words before the first ring and after the last, so that neighbours on the heap do not share their cache lines. Between rings none is
    // needed: the buckets in use at one time have the same place in each, two lines apart.
    private const int Padding = 8;
    private static readonly int StripeMask = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Min(Environment.ProcessorCount, 64)) - 1;

    private readonly CircuitRules _rules;
    private readonly CoarseClock _clock;
    private readonly long _start;
    private readonly ulong _epochsPerMillisecond;
    private readonly int _countBits;
    private readonly long[] _failures = new long[Buckets];
    private readonly long[]? _slowCalls;
    private readonly long[] _successes = new long[Padding + (StripeMask + 1) * Buckets + Padding];

    // The epoch of the last failure or slow call: without one in the window no success can break a rule.
    private long _lastSuspect = Never;

    // The epoch in which the window was last judged with enough calls in it: until that epoch ends, a success can only lower the ratios.
    private long _settled = Never;

    // As in a bucket, the epoch above a count: how many successes there were when the window was last judged. Until that epoch ends there are no fewer.
    private long _knownSuccesses = -1;

    public TimeWindow(CircuitRules rules, CoarseClock clock)
    {
        _rules = rules;
        _clock = clock;
        _start = clock.Milliseconds;

        // A fixed-point factor with 64 fraction bits: the multiplication costs a fraction of a division and is as exact for the first four years.
        _epochsPerMillisecond = (ulong)(((UInt128)Buckets << 64) / (ulong)rules.WindowMilliseconds) + 1;

        // Room for 500 million calls a second in each word, more than a processor can swap, and above it for 350 years of epochs.
        _countBits = BitOperations.Log2((ulong)rules.WindowMilliseconds) + 16;
        _slowCalls = rules.CountsSlowCalls ? new long[Buckets] : null;
    }

    private long CountMask => (1L << _countBits) - 1;

    public override bool AddSuccess()
    {
        long epoch = Epoch();
        Increment(ref SuccessBucket(epoch), epoch);
        return epoch - Volatile.Read(ref _lastSuspect) < Buckets && Volatile.Read(ref _settled) != epoch;
    }

    public override void Add(bool failed, bool slow)
    {
        // Announced before it is judged: a success on another thread that does not see the announcement is itself in the counts by then.
        long epoch = Epoch();
        Announce(epoch);
        Increment(ref failed ? ref _failures[Slot(epoch)] : ref SuccessBucket(epoch), epoch);
        if (slow)
            Increment(ref _slowCalls![Slot(epoch)], epoch);
    }

    public override CircuitTransitionReason? JudgeSuspect()
    {
        long epoch = Epoch();
        long slowCalls = Sum(_slowCalls, epoch);
        long failures = Sum(_failures, epoch);

        // The successes are in as many rings as there are processors: not summed while the suspects break no rule among the fewest calls that there
        // can be. What is settled stays as it is: a success that is counted meanwhile must still look for itself.
        long known = Volatile.Read(ref _knownSuccesses);
        long successes = known >> _countBits == epoch ? known & CountMask : 0;
        long fewest = Math.Max(_rules.MinimumThroughput, successes + failures);
        return _rules.Judge(failures, slowCalls, fewest) is null ? null : Judge();
    }

    public override CircuitTransitionReason? Judge()
    {
        long epoch = Epoch();
        WindowCounts counts = Count(epoch);
        Volatile.Write(ref _knownSuccesses, (epoch << _countBits) | Math.Min(counts.Successes, CountMask));

        // Not settled behind a suspect that was counted since: its own judgement may have seen fewer successes than this one, and too few. One that is
        // counted after this look finds all the successes that were summed here, and judges them itself.
        bool settled = counts.Total >= _rules.MinimumThroughput
            && Sum(_failures, epoch) == counts.Failures
            && Sum(_slowCalls, epoch) == counts.SlowCalls;
        Volatile.Write(ref _settled, settled ? epoch : Never);
        return _rules.Judge(counts);
    }

    public override WindowCounts Count() => Count(Epoch());

    // Slow calls are counted last and read first, successes are read last: calls that end meanwhile can only make the ratios too small.
    private WindowCounts Count(long epoch)
    {
        long slowCalls = Sum(_slowCalls, epoch);
        long failures = Sum(_failures, epoch);
        return new(Sum(_successes, epoch), failures, slowCalls);
    }

    private long Epoch() => (long)Math.BigMul((ulong)Math.Max(0, _clock.Milliseconds - _start), _epochsPerMillisecond, out _);

    private void Announce(long epoch)
    {
        long seen = Volatile.Read(ref _lastSuspect);
        while (seen < epoch)
        {
            long before = Interlocked.CompareExchange(ref _lastSuspect, epoch, seen);
            if (before == seen)
                return;

            seen = before;
        }
    }

    private static int Slot(long epoch) => (int)epoch & (Buckets - 1);

    private ref long SuccessBucket(long epoch) =>
        ref _successes[Padding + (Thread.GetCurrentProcessorId() & StripeMask) * Buckets + Slot(epoch)];

    private void Increment(ref long bucket, long epoch)
    {
        long empty = epoch << _countBits;
        long seen = Volatile.Read(ref bucket);
        while (true)
        {
            // An older epoch's word is below the empty one and is replaced; a later epoch's (the clock stepped backwards) is kept.
            long before = Interlocked.CompareExchange(ref bucket, Math.Max(seen, empty) + 1, seen);
            if (before == seen)
                return;

            seen = before;
        }
    }

    private long Sum(ReadOnlySpan<long> buckets, long epoch)
    {
        long oldest = (epoch - Buckets + 1) << _countBits;
        long mask = CountMask;
        long sum = 0;
        foreach (ref readonly long bucket in buckets)
        {
            long word = Volatile.Read(in bucket);
            if (word >= oldest)
                sum += word & mask;
        }

        return sum;
    }
}
