using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>Lets several workers read one source, one at a time, and tells each record or batch its place in the source's order.</summary>
internal sealed class SourceReader<T>(IRecordSource<T> source, TimeProvider timeProvider, CancellationToken stop) : IAsyncDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _place;
    private bool _ended;

    // A wait that a batch gave up because its linger was over: the next read goes on with it, for a source cannot be asked twice.
    private Task<bool>? _waiting;

    /// <summary>After the last read.</summary>
    public async ValueTask DisposeAsync()
    {
        // A source cannot be disposed while it waits. It knows the token, which is cancelled by now.
        if (_waiting is Task waiting)
            await waiting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        await source.DisposeAsync().ConfigureAwait(false);
        _turn.Dispose();
    }

    /// <summary>
    /// Reads up to <paramref name="count"/> records, waiting for those after the first no longer than the linger. Answers their place, or -1 at the end. What a source
    /// throws while a batch has records already, it throws at the next read: these must not get lost.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<long> ReadAsync(List<T> records, int count, TimeSpan linger)
    {
        await _turn.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            stop.ThrowIfCancellationRequested();
            if (_ended)
                return -1;

            long firstRead = 0;
            while (records.Count < count)
            {
                if (_waiting is null && source.TryRead(out T record))
                {
                    records.Add(record);
                    if (records.Count == 1 && count > 1)
                        firstRead = timeProvider.GetTimestamp();
                }
                else if (records.Count > 0)
                {
                    if (!await MoreWithinAsync(linger - timeProvider.GetElapsedTime(firstRead)).ConfigureAwait(false))
                        break;
                }
                else if (!await MoreAsync().ConfigureAwait(false))
                {
                    _ended = true;
                    return -1;
                }
            }

            return _place++;
        }
        catch (Exception exception) when (records.Count > 0)
        {
            // As if a wait for more had ended so.
            _waiting = Task.FromException<bool>(exception);
            return _place++;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask<bool> MoreAsync()
    {
        if (_waiting is null)
            return await source.WaitAsync().ConfigureAwait(false);

        try
        {
            return await _waiting.ConfigureAwait(false);
        }
        finally
        {
            _waiting = null;
        }
    }

    private async ValueTask<bool> MoreWithinAsync(TimeSpan remaining)
    {
        _waiting ??= source.WaitAsync().AsTask();
        if (!_waiting.IsCompleted)
        {
            if (remaining <= TimeSpan.Zero)
                return false;

            await ((Task)_waiting).WaitAsync(remaining, timeProvider, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Its end and its errors are the next read's.
        if (!_waiting.IsCompletedSuccessfully || !_waiting.Result)
            return false;

        _waiting = null;
        return true;
    }
}
