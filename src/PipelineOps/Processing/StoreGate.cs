namespace PipelineOps;

/// <summary>
/// The way to the failure store. While the store fails the gate is closed: failures that are to be kept are tried again with growing delays, and no
/// other record begins. So a full disk stops a stage and nothing gets lost, and the stage goes on by itself once there is space.
/// </summary>
internal sealed class StoreGate(Func<IFailureStore> open, Action? release, TimeSpan timeout, StagePolicy policy)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(5);

    private readonly object _sync = new();
    private TaskCompletionSource? _reopened;
    private volatile bool _isClosed;
    private int _trying;
    private Exception? _error;

    /// <summary>Whether the store failed the last time, so that no record may begin.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>The store, which is opened if it is not yet.</summary>
    public IFailureStore Open() => open();

    /// <summary>Whether no later try can succeed: the store is closed, or opened to be read only. An outage has other exceptions.</summary>
    public static bool IsFinal(Exception storeError) => storeError is InvalidOperationException;

    /// <summary>Keeps failures. Answers <see langword="null"/> once they are, or why they could not be, in the time that there is.</summary>
    public async ValueTask<Exception?> KeepAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken)
    {
        // What has failed is kept even if the caller wants to stop: the store is asked at least once, and not told of the cancellation.
        if (await TryKeepAsync(failures).ConfigureAwait(false) is not { } error)
        {
            // Closed by somebody who has given up since, or who waits for the next try.
            if (_isClosed)
                Reopen();

            return null;
        }

        long start = policy.TimeProvider.GetTimestamp();
        TimeSpan delay = FirstDelay;
        Close(error);
        try
        {
            while (true)
            {
                if (IsFinal(error))
                    return error;

                if (timeout != Timeout.InfiniteTimeSpan && policy.TimeProvider.GetElapsedTime(start) + delay > timeout)
                    return error;

                await Task.Delay(delay, policy.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (cancellationToken.IsCancellationRequested)
                    return error;

                if (await TryKeepAsync(failures).ConfigureAwait(false) is not { } next)
                {
                    Reopen();
                    return null;
                }

                error = next;
                delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
            }
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Waits until the store works again. Answers <see langword="null"/> when a record may begin, or the store's error when the time is up.</summary>
    public async ValueTask<Exception?> WaitAsync(CancellationToken cancellationToken)
    {
        Task reopened;
        lock (_sync)
        {
            // Nobody tries any more: the next record that fails does.
            if (!_isClosed || _trying == 0)
                return null;

            reopened = (_reopened ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        try
        {
            await reopened.WaitAsync(timeout, policy.TimeProvider, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            return Volatile.Read(ref _error) ?? exception;
        }
    }

    private async ValueTask<Exception?> TryKeepAsync(IReadOnlyList<FailureRecord> failures)
    {
        long start = policy.TimeProvider.GetTimestamp();
        try
        {
            try
            {
                await open().AppendAsync(failures, CancellationToken.None).ConfigureAwait(false);
            }
            finally
            {
                release?.Invoke();
            }

            policy.Metrics.StoreAppended(policy.TimeProvider.GetTimestamp() - start, error: null);
            foreach (FailureRecord failure in failures)
                policy.Metrics.FailureStored(failure.Category);

            return null;
        }
        catch (Exception exception)
        {
            policy.Metrics.StoreAppended(policy.TimeProvider.GetTimestamp() - start, exception);

            // A store is user code, and a disk may fail in any way: whatever it is, the failures are not kept.
            policy.Telemetry.Logs.StoreFailed(exception);
            return exception;
        }
    }

    private void Close(Exception error)
    {
        lock (_sync)
        {
            _trying++;
            _error = error;
            _isClosed = true;
        }
    }

    private void Reopen()
    {
        TaskCompletionSource? reopened;
        lock (_sync)
        {
            if (!_isClosed)
                return;

            _isClosed = false;
            (reopened, _reopened) = (_reopened, null);
        }

        policy.Telemetry.Logs.StoreRecovered();
        reopened?.TrySetResult();
    }

    private void Leave()
    {
        TaskCompletionSource? waiting = null;
        lock (_sync)
        {
            // The last one that gives up lets a record through, whose failure asks the store again.
            if (--_trying == 0)
                (waiting, _reopened) = (_reopened, null);
        }

        waiting?.TrySetResult();
    }
}
