namespace PipelineOps;

/// <summary>Counts the calls that run, and lines up those that wait, first come, first served.</summary>
/// <remarks>
/// One word holds both counts, so that taking a slot, giving it back and joining the line exclude each other without a lock. The line itself is
/// under a lock, where everyone leaves it: by a grant or by cancellation, whichever comes first, so that neither loses a slot. While anyone waits,
/// only a grant hands out slots.
/// </remarks>
internal sealed class ConcurrencyLimiter
{
    // The low half of the word counts those who run, the high half those who wait.
    private const long OneActive = 1;
    private const long OneQueued = 1L << 32;

    private readonly LinkedList<TaskCompletionSource<bool>> _line = [];
    private long _state;
    private volatile int _maxConcurrent;
    private volatile int _maxQueued;

    public ConcurrencyLimiter(int maxConcurrent, int maxQueued)
    {
        _maxConcurrent = maxConcurrent;
        _maxQueued = maxQueued;
    }

    /// <summary>How many hold a slot. More than the limit for a while after it shrinks.</summary>
    public int Active => ActiveIn(Volatile.Read(ref _state));

    /// <summary>How many may hold a slot.</summary>
    public int MaxConcurrent => _maxConcurrent;

    public int Queued => QueuedIn(Volatile.Read(ref _state));

    /// <summary>Takes a slot if one is free and nobody waits for it.</summary>
    public bool TryAcquire()
    {
        long state = Volatile.Read(ref _state);
        while (HasFreeSlot(state))
        {
            long seen = Interlocked.CompareExchange(ref _state, state + OneActive, state);
            if (seen == state)
                return true;
            state = seen;
        }

        return false;
    }

    /// <summary>Takes a slot, after waiting for it if need be.</summary>
    /// <returns><see langword="false"/>, at once, if as many wait already as may.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled before the wait was over. No slot is held then.</exception>
    public ValueTask<bool> AcquireAsync(CancellationToken ct)
    {
        if (TryAcquire())
            return new ValueTask<bool>(true);

        // Rejections under overload take no lock.
        if (Queued >= _maxQueued)
            return new ValueTask<bool>(false);

        LinkedListNode<TaskCompletionSource<bool>> place;
        lock (_line)
        {
            long state;
            bool free;
            do
            {
                state = Volatile.Read(ref _state);
                free = HasFreeSlot(state);
                if (!free && QueuedIn(state) >= _maxQueued)
                    return new ValueTask<bool>(false);
            }
            while (Interlocked.CompareExchange(ref _state, state + (free ? OneActive : OneQueued), state) != state);

            if (free)
                return new ValueTask<bool>(true);
            place = _line.AddLast(new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        return WaitAsync(place, ct);
    }

    /// <summary>Gives a slot back, or hands it to whoever waits longest.</summary>
    public void Release()
    {
        if (QueuedIn(Interlocked.Add(ref _state, -OneActive)) > 0)
            GrantNext()?.SetResult(true);
    }

    /// <summary>Changes the limits. Those who hold a slot keep it, and those who wait stay in line, also where the new limits would not have let them in.</summary>
    public void Resize(int maxConcurrent, int maxQueued)
    {
        lock (_line)
        {
            _maxConcurrent = maxConcurrent;
            _maxQueued = maxQueued;
        }

        while (GrantNext() is { } next)
            next.SetResult(true);
    }

    /// <summary>Takes a slot for the first in line, which the caller then completes, outside the lock.</summary>
    private TaskCompletionSource<bool>? GrantNext()
    {
        lock (_line)
        {
            if (_line.First is not { } first || Active >= _maxConcurrent)
                return null;
            _line.RemoveFirst();
            Interlocked.Add(ref _state, OneActive - OneQueued);
            return first.Value;
        }
    }

    private async ValueTask<bool> WaitAsync(LinkedListNode<TaskCompletionSource<bool>> place, CancellationToken ct)
    {
        using (ct.UnsafeRegister((_, token) => Cancel(place, token), null))
            return await place.Value.Task.ConfigureAwait(false);
    }

    private void Cancel(LinkedListNode<TaskCompletionSource<bool>> place, CancellationToken ct)
    {
        lock (_line)
        {
            if (place.List is null)
                return; // The grant came first: the caller holds a slot and gives it back as any other.
            _line.Remove(place);
            Interlocked.Add(ref _state, -OneQueued);
        }

        place.Value.SetCanceled(ct);
    }

    private bool HasFreeSlot(long state) => QueuedIn(state) == 0 && ActiveIn(state) < _maxConcurrent;

    private static int ActiveIn(long state) => (int)state;

    private static int QueuedIn(long state) => (int)(state >> 32);
}
