namespace PipelineOps;

/// <summary>A moment on the coarse clock, so many milliseconds away.</summary>
internal struct Deadline(long now, long duration)
{
    private long _at = now + duration;

    /// <summary>Milliseconds left, from 0 to the duration.</summary>
    public long Remaining(long now)
    {
        long remaining = Volatile.Read(ref _at) - now;
        if (remaining <= duration)
            return Math.Max(0, remaining);

        // Farther away than it was at the start: the clock stepped backwards. Starting over keeps the wait bounded.
        Volatile.Write(ref _at, now + duration);
        return duration;
    }
}
