using System.Collections.Concurrent;

namespace PipelineOps.Tests.Processing;

/// <summary>A store that can be broken and mended; what it has acknowledged is in <see cref="Kept"/>.</summary>
internal sealed class BreakableStore : IFailureStore
{
    private readonly ConcurrentQueue<FailureRecord> _kept = new();
    private volatile Exception? _error;
    private int _attempts;

    public IReadOnlyCollection<FailureRecord> Kept => _kept;

    /// <summary>How often something was to be kept.</summary>
    public int Attempts => Volatile.Read(ref _attempts);

    public void Break(string message = "No space left on device") => Break(new IOException(message));

    public void Break(Exception error) => _error = error;

    public void Mend() => _error = null;

    public ValueTask AppendAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _attempts);
        if (_error is { } error)
            throw error;

        foreach (FailureRecord failure in failures)
            _kept.Enqueue(failure);

        return default;
    }

    public IAsyncEnumerable<StoredFailure> ReadAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<FailureGroup>> GroupAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<StoredFailure>> ClaimAsync(
        FailureFilter filter, int maxCount, FailureLease lease, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<bool> ResolveAsync(Guid id, string? owner, FailureResolution resolution, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<bool> DecideAsync(Guid id, FailureDecision decision, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<int> PurgeAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
