namespace PipelineOps;

/// <summary>Counts the failures of one fingerprint.</summary>
internal sealed class FailureGrouping
{
    // Too few to tell.
    private const int FewestForTrend = 4;

    private readonly List<long> _times = [];
    private FailureEntry? _last;
    private long _firstSeen = long.MaxValue;
    private int _open;

    public int Count => _times.Count;

    /// <summary>The failure that failed last; of several that did at one time, the one that was appended last.</summary>
    public FailureEntry Last => _last!;

    public void Add(FailureEntry entry)
    {
        _times.Add(entry.LastFailedAt.UtcTicks);
        _firstSeen = Math.Min(_firstSeen, entry.FirstFailedAt.UtcTicks);
        _open += entry.IsUnfinished ? 1 : 0;
        if (_last is null || entry.LastFailedAt >= _last.LastFailedAt)
            _last = entry;
    }

    /// <param name="record">The last failure; <see langword="null"/> if it cannot be read.</param>
    /// <param name="now">The time.</param>
    public FailureGroup ToGroup(FailureRecord? record, DateTimeOffset now)
    {
        FailureTraits traits = Last.Traits;
        FailureCause? cause = record?.Exceptions is [var outermost, ..] ? outermost : null;
        return new FailureGroup(
            traits.Fingerprint,
            traits.Pipeline,
            traits.Stage,
            traits.Category,
            traits.Disposition,
            cause?.Type ?? traits.Category.ToString(),
            cause?.Message ?? string.Empty,
            Count,
            _open,
            new DateTimeOffset(_firstSeen, TimeSpan.Zero),
            Last.LastFailedAt,
            TrendAt(now));
    }

    private FailureTrend TrendAt(DateTimeOffset now)
    {
        long begin = _times.Min();
        long end = Math.Max(now.UtcTicks, Last.LastFailedAt.UtcTicks);
        if (Count < FewestForTrend || begin == end)
            return FailureTrend.Steady;

        long middle = begin + (end - begin) / 2;
        int earlier = _times.Count(time => time < middle);
        int later = Count - earlier;
        return later >= 2 * earlier ? FailureTrend.Rising : 2 * later <= earlier ? FailureTrend.Falling : FailureTrend.Steady;
    }
}
