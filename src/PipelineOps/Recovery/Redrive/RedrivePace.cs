namespace PipelineOps;

/// <summary>Spreads what is sent evenly over time.</summary>
internal sealed class RedrivePace(double? maxPerSecond, TimeProvider timeProvider)
{
    // Timers fire late by up to a tick of the system's; what that loses may be caught up with, lest a high rate come down to that of the timers.
    private static readonly TimeSpan TimerTick = TimeSpan.FromMilliseconds(16);

    private readonly TimeSpan _interval = maxPerSecond is { } rate ? TimeSpan.FromTicks((long)Math.Ceiling(TimeSpan.TicksPerSecond / rate)) : TimeSpan.Zero;
    private readonly long _start = timeProvider.GetTimestamp();
    private TimeSpan _due;

    /// <summary>How many can be sent within a time; at least one.</summary>
    public int CountWithin(TimeSpan time) => _interval == TimeSpan.Zero ? int.MaxValue : (int)Math.Clamp(time / _interval, 1, int.MaxValue);

    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        if (_interval == TimeSpan.Zero)
            return;

        TimeSpan now = timeProvider.GetElapsedTime(_start);
        if (_due > now)
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling((_due - now).TotalMilliseconds)), timeProvider, cancellationToken).ConfigureAwait(false);

        TimeSpan earliest = now - TimerTick;
        _due = (_due > earliest ? _due : earliest) + _interval;
    }
}
