namespace PipelineOps.Benchmarks;

/// <summary>Keeps nothing, where keeping is not what is measured.</summary>
internal sealed class DiscardingStore : IFailureStore
{
    public ValueTask AppendAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken = default) => default;

    public IAsyncEnumerable<StoredFailure> ReadAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<FailureGroup>> GroupAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<StoredFailure>> ClaimAsync(
        FailureFilter filter, int maxCount, FailureLease lease, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<bool> ResolveAsync(Guid id, string? owner, FailureResolution resolution, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<bool> DecideAsync(Guid id, FailureDecision decision, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<int> PurgeAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
