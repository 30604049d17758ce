namespace PipelineOps;

/// <summary>A monotonic clock in whole milliseconds, for windows and deadlines that are read on every call.</summary>
internal readonly struct CoarseClock(TimeProvider timeProvider)
{
    // Null stands for the system's clock.
    private readonly TimeProvider? _timeProvider = timeProvider == TimeProvider.System ? null : timeProvider;

    public long Milliseconds
    {
        get
        {
            if (_timeProvider is not null)
                return Scale(_timeProvider.GetTimestamp(), _timeProvider.TimestampFrequency);

#pragma warning disable RS0030 // The tick count costs 6 ns where a precise timestamp costs 24 ns; tests replace the whole provider.
            return Environment.TickCount64;
#pragma warning restore RS0030
        }
    }

    // Whole seconds apart from the rest: timestamp * 1000 could overflow.
    private static long Scale(long timestamp, long frequency) =>
        timestamp / frequency * 1000 + timestamp % frequency * 1000 / frequency;
}
