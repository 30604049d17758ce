namespace PipelineOps;

/// <summary>
/// Makes operations durable, all that wait at a time with one flush. Nothing waits for a group to grow: while one is flushed the next one gathers.
/// </summary>
/// <remarks>
/// An operation that finds nobody at work is committed by its own thread, which saves a lone writer two changes of threads. What has gathered behind it is
/// left to a thread of the committer's, so that nobody works for others longer than for one group.
/// </remarks>
internal sealed class GroupCommitter(StoreFolder folder, FailureIndex index, SegmentWriter writer, FileFailureStoreOptions options, Action rotated)
{
    private readonly object _gate = new();
    private readonly List<StoreOperation> _group = [];
    private List<StoreOperation> _waiting = [];
    private List<StoreOperation> _taken = [];
    private Thread? _thread;
    private bool _isBusy;
    private bool _isHandedOver;
    private bool _isClosed;

    public void Submit(StoreOperation operation)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(FileFailureStore));
            _waiting.Add(operation);
            if (_isBusy)
                return;

            _isBusy = true;
        }

        Commit();
        lock (_gate)
        {
            if (_waiting.Count == 0)
            {
                Rest();
                return;
            }

            _isHandedOver = true;
            if (_thread is null)
            {
                _thread = new Thread(CommitForOthers) { IsBackground = true, Name = "PipelineOps failure store" };
                _thread.Start();
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Takes no more, and waits for what it has taken.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            while (_isBusy)
                Monitor.Wait(_gate);
            Monitor.PulseAll(_gate);
        }
    }

    private void CommitForOthers()
    {
        while (true)
        {
            lock (_gate)
            {
                while (!_isHandedOver)
                {
                    if (_isClosed && !_isBusy)
                        return;

                    Monitor.Wait(_gate);
                }
            }

            Commit();
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _isHandedOver = false;
                    Rest();
                }
            }
        }
    }

    private void Rest()
    {
        _isBusy = false;
        if (_isClosed)
            Monitor.PulseAll(_gate);
    }

    private void Commit()
    {
        lock (_gate)
            (_taken, _waiting) = (_waiting, _taken);

        bool hasRotated = false;
        try
        {
            CommitGroup group = Prepare();
            if (group.Length > 0)
            {
                (Segment segment, long offset, hasRotated) = writer.Write(group);
                lock (index.Gate)
                {
                    foreach (StoreOperation operation in _group)
                        operation.Apply(index, segment, offset);
                }
            }

            foreach (StoreOperation operation in _group)
                operation.Complete();
        }
        catch (Exception exception)
        {
            // Not only what is an IOException: a file that may not grow any more is an argument out of range.
            var failure = new IOException(
                $"The failure store in {folder.Path} could not be written, and nothing of this was kept. Free space on its disk, or mend the disk or the rights on it; "
                + $"writing again then works. ({exception.Message})",
                exception);
            foreach (StoreOperation operation in _group)
            {
                if (operation.IsWritten)
                    operation.Fail(failure);
                else
                    operation.Complete();
            }

            // If not even the clock works.
            foreach (StoreOperation operation in _taken)
                operation.Fail(exception);
            _taken.Clear();
        }
        finally
        {
            foreach (StoreOperation operation in _group)
                operation.Dispose();
            _group.Clear();
        }

        if (hasRotated)
            rotated();
    }

    private CommitGroup Prepare()
    {
        List<StoreOperation>? deferred = null;
        DateTimeOffset now = options.TimeProvider.GetUtcNow();
        CommitGroup group;
        lock (index.Gate)
        {
            group = new CommitGroup(options.MaxBytes is { } max ? max - index.TotalBytes : long.MaxValue, now);
            foreach (StoreOperation operation in _taken)
            {
                try
                {
                    if (operation.Prepare(index, group))
                        _group.Add(operation);
                    else
                        (deferred ??= []).Add(operation);
                }
                catch (Exception exception)
                {
                    operation.Fail(exception);
                    operation.Dispose();
                }
            }
        }

        _taken.Clear();
        if (deferred is not null)
        {
            lock (_gate)
                _waiting.InsertRange(0, deferred);
        }

        return group;
    }
}
