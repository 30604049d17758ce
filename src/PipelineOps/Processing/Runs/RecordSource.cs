using System.Threading.Channels;

namespace PipelineOps;

/// <summary>Where a run's records come from. For one caller at a time.</summary>
internal interface IRecordSource<T> : IAsyncDisposable
{
    /// <summary>The channel that the records come from; <see langword="null"/> where there is nothing to count.</summary>
    ChannelReader<T>? Channel { get; }

    /// <summary>Takes a record that is there at once.</summary>
    bool TryRead(out T record);

    /// <summary>Waits until there is a record to take; answers <see langword="false"/> at the end.</summary>
    ValueTask<bool> WaitAsync();
}

internal sealed class ChannelSource<T>(ChannelReader<T> reader, CancellationToken stop) : IRecordSource<T>
{
    public ChannelReader<T> Channel => reader;

    public bool TryRead(out T record) => reader.TryRead(out record!);

    public ValueTask<bool> WaitAsync() => reader.WaitToReadAsync(stop);

    public ValueTask DisposeAsync() => default;
}

internal sealed class EnumerableSource<T>(IAsyncEnumerable<T> source, CancellationToken stop) : IRecordSource<T>
{
    // Opened by the first read, as what opening throws is to end the run as what reading throws.
    private IAsyncEnumerator<T>? _records;
    private bool _hasCurrent;

    public ChannelReader<T>? Channel => null;

    public bool TryRead(out T record)
    {
        record = _hasCurrent ? _records!.Current : default!;
        (bool had, _hasCurrent) = (_hasCurrent, false);
        return had;
    }

    public async ValueTask<bool> WaitAsync() => _hasCurrent = await (_records ??= source.GetAsyncEnumerator(stop)).MoveNextAsync().ConfigureAwait(false);

    public ValueTask DisposeAsync() => _records?.DisposeAsync() ?? default;
}
