using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>
/// Lets the first lines of each kind, which is an event with a type of error, through in each window, counts the others, and tells of them once the window ends: with the
/// next line, by a timer, or when asked to. Every line is either let through or told of, and told of once. Thread-safe.
/// </summary>
internal sealed class LogRepetition(int burst, TimeSpan length, TimeProvider timeProvider, Action<RepeatedLines> tell)
{
    // Of each event, all kinds beyond these are one: types of errors may be made at run time.
    private const int MaxKinds = 64;
    private const string OtherErrors = "other";

    private readonly object _sync = new();
    private readonly long _lengthInTicks = (long)(length.TotalSeconds * timeProvider.TimestampFrequency);

    // Begins with a line, and goes with all that was counted in it: an idle stage has at most its last one.
    private Window? _window;

    /// <summary>Whether a line is to be written; otherwise it is counted.</summary>
    public bool Allows(string eventName, string errorType, LogLevel level)
    {
        if (burst == int.MaxValue)
            return true;

        long now = timeProvider.GetTimestamp();
        Window? ended = null;
        Window window;
        bool isAllowed;
        bool isFirstSuppressed;
        lock (_sync)
        {
            if (_window is { } last && now - last.Start >= _lengthInTicks)
                (ended, _window) = (last, null);

            window = _window ??= new Window(now);
            isAllowed = window.Allows(eventName, errorType, level, burst, out isFirstSuppressed);
        }

        if (ended is not null)
            Tell(ended, length);

        if (isFirstSuppressed)
            SetTimer(window, now);

        return isAllowed;
    }

    /// <summary>Ends the window early, and tells what is untold.</summary>
    public void Flush()
    {
        Window? window;
        lock (_sync)
            (window, _window) = (_window, null);

        if (window is null)
            return;

        TimeSpan elapsed = timeProvider.GetElapsedTime(window.Start, timeProvider.GetTimestamp());
        Tell(window, elapsed < length ? elapsed : length);
    }

    private void SetTimer(Window window, long now)
    {
        ITimer? timer = null;
        TimeSpan due = length - timeProvider.GetElapsedTime(window.Start, now);

        // What the line belongs to has nothing to do with the summary, and is not to be kept alive for it.
        AsyncFlowControl? flow = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
        try
        {
            timer = timeProvider.CreateTimer(
                static state =>
                {
                    (LogRepetition repetition, Window window) = ((LogRepetition, Window))state!;
                    repetition.End(window);
                },
                (this, window),
                due < length ? due : length,
                Timeout.InfiniteTimeSpan);
        }
        catch (Exception)
        {
            // A clock is user code. Without a timer the next window's first line tells, or the stage's end.
        }
        finally
        {
            flow?.Undo();
        }

        lock (_sync)
        {
            if (_window == window)
                (window.Timer, timer) = (timer, null);
        }

        Dispose(timer);
    }

    // Whatever the clock says: timers of the system may fire a little early.
    private void End(Window window)
    {
        lock (_sync)
        {
            if (_window != window)
                return;

            _window = null;
        }

        Tell(window, length);
    }

    private void Tell(Window ended, TimeSpan time)
    {
        Dispose(ended.Timer);
        foreach (((string eventName, string errorType), Lines lines) in ended.Kinds)
        {
            if (lines.Suppressed > 0)
                tell(new(eventName, errorType, lines.Gravest, lines.Suppressed, time));
        }
    }

    private static void Dispose(ITimer? timer)
    {
        try
        {
            timer?.Dispose();
        }
        catch (Exception)
        {
            // A clock is user code. A timer that fires for a window that has ended does nothing.
        }
    }

    // All but its start is used under the lock as long as it is the current one, and afterwards by whoever ended it.
    private sealed class Window(long start)
    {
        private bool _suppresses;

        public long Start => start;

        public Dictionary<(string EventName, string ErrorType), Lines> Kinds { get; } = [];

        public ITimer? Timer { get; set; }

        public bool Allows(string eventName, string errorType, LogLevel level, int burst, out bool isFirstSuppressed)
        {
            Lines lines = Of(eventName, errorType);
            isFirstSuppressed = false;
            if (lines.Written < burst)
            {
                lines.Written++;
                return true;
            }

            lines.Suppressed++;
            lines.Gravest = level > lines.Gravest ? level : lines.Gravest;
            isFirstSuppressed = !_suppresses;
            _suppresses = true;
            return false;
        }

        private Lines Of(string eventName, string errorType)
        {
            if (Kinds.TryGetValue((eventName, errorType), out Lines? lines))
                return lines;

            if (Kinds.Count >= MaxKinds)
            {
                errorType = OtherErrors;
                if (Kinds.TryGetValue((eventName, errorType), out lines))
                    return lines;
            }

            lines = new Lines();
            Kinds.Add((eventName, errorType), lines);
            return lines;
        }
    }

    private sealed class Lines
    {
        public int Written { get; set; }

        public long Suppressed { get; set; }

        public LogLevel Gravest { get; set; }
    }
}
