using System.Globalization;

namespace PipelineOps;

/// <summary>
/// Holds the records of a stage's window, or of a run, against the <see cref="SkipLimits"/>. Thread-safe, lock-free, and without allocations as long as no
/// limit is crossed.
/// </summary>
internal sealed class SkipCounter
{
    private readonly WindowClock _clock;
    private readonly long? _maxSkipped;
    private readonly decimal? _maxRatio;
    private readonly int _minimumRecords;
    private readonly string _scope;
    private readonly string _countLimit;
    private readonly string _ratioLimit;
    private readonly WindowCount _skipped;
    private readonly WindowCount? _ended;

    // While a skip was counted that was not judged among enough records yet, the record that completes the minimum may cross the ratio, whatever becomes
    // of it. At any other time only a skip can.
    private long _announcedSkips;
    private long _judgedSkips;

    /// <summary>Counts all of a stage's records, for the limits of its window.</summary>
    public SkipCounter(SkipLimits limits, TimeProvider timeProvider)
        : this(
            new WindowClock(limits.Window, timeProvider),
            limits.MaxPerWindow,
            limits.MaxRatioPerWindow,
            limits.MinimumRecords,
            $"within {limits.Window}",
            nameof(SkipLimits.MaxPerWindow),
            nameof(SkipLimits.MaxRatioPerWindow))
    {
    }

    private SkipCounter(WindowClock clock, long? maxSkipped, double? maxRatio, int minimumRecords, string scope, string countLimit, string ratioLimit)
    {
        _clock = clock;
        _maxSkipped = maxSkipped;
        _maxRatio = (decimal?)maxRatio; // In binary, 29 of 100 would be more than 0.29.
        _minimumRecords = minimumRecords;
        _scope = scope;
        _countLimit = countLimit;
        _ratioLimit = ratioLimit;
        _skipped = new WindowCount(clock, striped: false);
        _ended = maxRatio is null ? null : new WindowCount(clock, striped: true);
    }

    /// <summary>Whether there is any limit; without one there is no need to count.</summary>
    public bool IsLimited => _maxSkipped is not null || _maxRatio is not null;

    /// <summary>Counts the records of one run, for the limits of a run.</summary>
    public static SkipCounter ForRun(SkipLimits limits) => new(
        WindowClock.Endless,
        limits.MaxPerRun,
        limits.MaxRatioPerRun,
        limits.MinimumRecords,
        "in this run",
        nameof(SkipLimits.MaxPerRun),
        nameof(SkipLimits.MaxRatioPerRun));

    /// <summary>Counts records that ended.</summary>
    /// <param name="ended">How many ended, in whichever way, the skipped ones included.</param>
    /// <param name="skipped">How many of them were skipped.</param>
    /// <returns>
    /// <see langword="null"/>, or which limit is crossed, with its figures and no full stop. Said again of every skip for as long as the limit stays crossed.
    /// </returns>
    public string? Add(int ended, int skipped)
    {
        if (!IsLimited || (_ended is null && skipped == 0))
            return null;

        long epoch = _clock.Epoch;
        _ended?.Add(epoch, ended);
        if (skipped > 0)
        {
            // Announced between counting and judging: who sees the announcement finds the skip counted, and a thread that completes the minimum without
            // seeing it has counted by then, and is seen by this one.
            _skipped.Add(epoch, skipped);
            Interlocked.Increment(ref _announcedSkips);
        }

        return skipped > 0 || Volatile.Read(ref _announcedSkips) != Volatile.Read(ref _judgedSkips) ? Judge(epoch) : null;
    }

    private string? Judge(long epoch)
    {
        long announced = Volatile.Read(ref _announcedSkips);
        long skipped = _skipped.Sum(epoch);
        if (skipped > _maxSkipped)
            return Sentence($"{skipped} records were skipped {_scope}; the limit {_countLimit} is {_maxSkipped}");

        // Too few to cross the ratio among the fewest records that are looked at: the others need not be summed.
        if (_maxRatio is not { } maxRatio || skipped <= maxRatio * _minimumRecords)
        {
            Volatile.Write(ref _judgedSkips, announced);
            return null;
        }

        long ended = _ended!.Sum(epoch);
        if (ended < _minimumRecords)
            return null;

        Volatile.Write(ref _judgedSkips, announced);
        return skipped > maxRatio * ended
            ? Sentence($"{skipped} of {ended} records were skipped {_scope}; the limit {_ratioLimit} is {maxRatio}")
            : null;
    }

    private static string Sentence(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
