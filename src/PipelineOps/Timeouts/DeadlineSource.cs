using System.Collections.Concurrent;

namespace PipelineOps;

/// <summary>A cancellation source with a deadline that can be armed and disarmed over and over at the price of two interlocked writes.</summary>
/// <remarks>
/// The timer is not touched by a call that ends in time. It stays set for an earlier call's deadline, and when it fires it looks which deadline
/// holds now: none, and it rests; a later one, and it is set for that; this one, and the source is cancelled. Setting and resetting a timer for
/// each call costs four times as much.
/// </remarks>
internal sealed class DeadlineSource : IDisposable
{
    private const long Disarmed = long.MaxValue;
    private const long Fired = long.MinValue;
    private const int MaxShared = 256;

    private static readonly CoarseClock SystemClock = new(TimeProvider.System);
    private static readonly ConcurrentQueue<DeadlineSource> Shared = new();
    private static int _sharedCount;

    // A thread's own source spares the shared queue; a call that moves between threads finds the others there.
    [ThreadStatic]
    private static DeadlineSource? _local;

    private readonly CancellationTokenSource _source = new();
    private readonly CoarseClock _clock;
    private readonly ITimer _timer;
    private readonly bool _pooled;
    private long _deadline = Disarmed;
    private long _timerDue = long.MaxValue;

    private DeadlineSource(TimeProvider timeProvider)
    {
        _pooled = timeProvider == TimeProvider.System;
        _clock = _pooled ? SystemClock : new CoarseClock(timeProvider);

        // The timer outlives the call that made it, and must not keep that call's execution context alive.
        using AsyncFlowControl flow = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
        _timer = timeProvider.CreateTimer(static source => ((DeadlineSource)source!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public CancellationTokenSource Source => _source;

    /// <summary>Which of a stage's deadlines was armed.</summary>
    public StageTimeoutKind Kind { get; private set; }

    /// <summary>Whether the deadline, and not somebody else, cancelled the source.</summary>
    public bool HasFired => Volatile.Read(ref _deadline) == Fired;

    public static DeadlineSource Rent(TimeProvider timeProvider)
    {
        // A foreign clock is a test's: its timers are few, and pooling them would mix the tests' times.
        if (timeProvider != TimeProvider.System)
            return new DeadlineSource(timeProvider);

        if (_local is { } local)
        {
            _local = null;
            return local;
        }

        if (Shared.TryDequeue(out DeadlineSource? shared))
        {
            Interlocked.Decrement(ref _sharedCount);
            return shared;
        }

        return new DeadlineSource(timeProvider);
    }

    public void Arm(TimeSpan timeout, StageTimeoutKind kind)
    {
        Kind = kind;

        // Written with a full fence before the timer's due time is read; the timer writes and reads the two in the opposite order. So either
        // this call sees that the timer must be set, or the timer sees this deadline.
        long deadline = _clock.Milliseconds + (timeout.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond;
        Interlocked.Exchange(ref _deadline, deadline);
        if (Volatile.Read(ref _timerDue) > deadline)
            SetTimer(deadline);
    }

    /// <summary>Disarms and gives back a source whose token nobody uses any more.</summary>
    public void Return()
    {
        if (Interlocked.Exchange(ref _deadline, Disarmed) == Fired || !_pooled || !_source.TryReset())
        {
            Dispose();
        }
        else if (_local is null)
        {
            _local = this;
        }
        else if (Interlocked.Increment(ref _sharedCount) <= MaxShared)
        {
            Shared.Enqueue(this);
        }
        else
        {
            Interlocked.Decrement(ref _sharedCount);
            Dispose();
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _source.Dispose();
    }

    private void OnTimer()
    {
        lock (_timer)
            _timerDue = long.MaxValue;

        while (true)
        {
            long deadline = Volatile.Read(ref _deadline);
            if (deadline is Disarmed or Fired)
                return;

            if (deadline > _clock.Milliseconds)
            {
                SetTimer(deadline);
                return;
            }

            // Fails if the call ended meanwhile, whoever has the source now.
            if (Interlocked.CompareExchange(ref _deadline, Fired, deadline) == deadline)
            {
                Cancel();
                return;
            }
        }
    }

    private void Cancel()
    {
        try
        {
            _source.Cancel();
        }
        catch (Exception)
        {
            // An exception on the timer's thread would end the process.
            // The call ended meanwhile and disposed the source, or a listener of the delegate's own threw. Neither is an outcome of the call.
        }
    }

    private void SetTimer(long due)
    {
        lock (_timer)
        {
            if (due >= _timerDue)
                return;

            _timerDue = due;
            _timer.Change(TimeSpan.FromMilliseconds(Math.Max(0, due - _clock.Milliseconds)), Timeout.InfiniteTimeSpan);
        }
    }
}
