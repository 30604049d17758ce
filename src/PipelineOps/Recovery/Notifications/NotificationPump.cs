namespace PipelineOps;

/// <summary>
/// The waiting notifications of one notifier, and the thread that hands them over. The thread lives while there is something to hand over: a notifier
/// that blocks would otherwise take a thread out of the pool on which records are processed.
/// </summary>
internal sealed class NotificationPump : IThreadPoolWorkItem, IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<FailureRecord> _waiting = [];
    private readonly CancellationTokenSource _disposing = new();
    private readonly CancellationToken _cancellationToken;
    private readonly IFailureNotifier _notifier;
    private readonly ErrorSeverity _minimumSeverity;
    private readonly int _capacity;
    private readonly Action<string, Exception> _callbackFailed;
    private readonly Action<string, long> _notificationsDropped;
    private long _dropped;
    private bool _isReporting;
    private bool _isRunning;
    private bool _isDisposed;

    public NotificationPump(
        IFailureNotifier notifier, NotificationOptions options, Action<string, Exception> callbackFailed, Action<string, long> notificationsDropped)
    {
        _notifier = notifier;
        _minimumSeverity = options.MinimumSeverity;
        _capacity = options.QueueCapacity;
        _callbackFailed = callbackFailed;
        _notificationsDropped = notificationsDropped;
        _cancellationToken = _disposing.Token;
    }

    private string Name => _notifier.GetType().Name;

    public void Post(FailureRecord failure)
    {
        if (failure.Severity < _minimumSeverity)
            return;

        bool start = false;
        bool report = false;
        lock (_gate)
        {
            if (_isDisposed)
            {
                report = Drop(1);
            }
            else
            {
                if (_waiting.Count == _capacity)
                {
                    _waiting.Dequeue();
                    report = Drop(1);
                }

                _waiting.Enqueue(failure);
                start = !_isRunning;
                _isRunning = true;
            }
        }

        // Not on this thread, which processes records: starting a thread and writing a log both take their time.
        if (start)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        if (report)
            ThreadPool.UnsafeQueueUserWorkItem(static pump => pump.ReportDropped(), this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            new Thread(HandOver) { IsBackground = true, Name = $"PipelineOps notifier {Name}" }.UnsafeStart();
        }
        catch (Exception)
        {
            // The system gives no more threads: better to lend one of the pool's than to say nothing.
            HandOver();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;

            _isDisposed = true;
            Drop(_waiting.Count);
            _waiting.Clear();
        }

        ReportDropped();

        // The source is not disposed: a notifier may still hold its token, and without a timer there is nothing to free. Cancelled from the pool, because
        // what a notifier has registered with the token runs where it is cancelled.
        ThreadPool.UnsafeQueueUserWorkItem(static pump => pump.Cancel(), this, preferLocal: false);
    }

    private void HandOver()
    {
        while (Take() is { } failure)
        {
            ReportDropped();
            try
            {
                ValueTask pending = _notifier.NotifyAsync(failure, _cancellationToken);
                if (pending.IsCompleted)
                    pending.GetAwaiter().GetResult();
                else
                    pending.AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException) when (_cancellationToken.IsCancellationRequested)
            {
                // As asked.
            }
            catch (Exception exception)
            {
                Tell(() => _callbackFailed($"notifier {Name}", exception));
            }
        }

        ReportDropped();
    }

    private FailureRecord? Take()
    {
        lock (_gate)
        {
            _isReporting = false;
            if (_waiting.TryDequeue(out FailureRecord? failure))
                return failure;

            _isRunning = false;
            return null;
        }
    }

    private void Cancel()
    {
        try
        {
            _disposing.Cancel();
        }
        catch (Exception exception)
        {
            Tell(() => _callbackFailed($"notifier {Name}", exception));
        }
    }

    // Under the lock. True if a report must be asked for: the first drop is reported at once, lest a notifier that never returns hide it; those that
    // follow before the notifier takes its next one are reported then, all together.
    private bool Drop(int count)
    {
        _dropped += count;
        if (_isReporting)
            return false;

        _isReporting = !_isDisposed;
        return true;
    }

    private void ReportDropped()
    {
        long dropped;
        lock (_gate)
        {
            dropped = _dropped;
            _dropped = 0;
        }

        if (dropped > 0)
            Tell(() => _notificationsDropped(Name, dropped));
    }

    private static void Tell(Action report)
    {
        try
        {
            report();
        }
        catch (Exception)
        {
            // There is nowhere left to report it.
        }
    }
}
