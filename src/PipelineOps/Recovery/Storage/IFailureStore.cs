namespace PipelineOps;

/// <summary>
/// Keeps failures until somebody redrives or discards them. <see cref="FileFailureStore"/> is the one that needs nothing; write another to keep them
/// elsewhere. Every method may be called from many threads at once.
/// </summary>
/// <remarks>
/// A store that cannot keep a failure throws, and the stage stops and tries again until it can: nothing is dropped. An <see cref="InvalidOperationException"/>, such as
/// that of a disposed store, says that it never will: a run then fails at once, and its records are given back. A store never
/// forgets what it has acknowledged, and never acknowledges what a crash could take back.
/// </remarks>
public interface IFailureStore
{
    /// <summary>
    /// Keeps failures. When this returns they survive a crash. A failure whose id is that of one that is open or claimed is left as it is: appending twice is appending once.
    /// One whose id is that of a failure that was redriven or discarded takes its place and is open: the record has failed again.
    /// </summary>
    /// <param name="failures">The failures; all are kept or an exception is thrown, after which appending the same again is safe.</param>
    /// <param name="cancellationToken">Stops the waiting; whether the failures are then kept is unknown.</param>
    ValueTask AppendAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken = default);

    /// <summary>Reads the failures that match, in the order in which they were appended.</summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    IAsyncEnumerable<StoredFailure> ReadAsync(FailureFilter filter, CancellationToken cancellationToken = default);

    /// <summary>Groups the failures of each stage that match by fingerprint, the largest group first.</summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    ValueTask<IReadOnlyList<FailureGroup>> GroupAsync(FailureFilter filter, CancellationToken cancellationToken = default);

    /// <summary>
    /// Claims open failures that match, the oldest first, so that nobody else works on them until they are resolved or the lease expires. Of parked ones
    /// only those on which a person has decided.
    /// </summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="maxCount">How many at most.</param>
    /// <param name="lease">For whom and for how long.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    ValueTask<IReadOnlyList<StoredFailure>> ClaimAsync(
        FailureFilter filter, int maxCount, FailureLease lease, CancellationToken cancellationToken = default);

    /// <summary>Ends a failure or gives its claim back.</summary>
    /// <param name="id">The failure.</param>
    /// <param name="owner">Who claimed it; <see langword="null"/> for an open failure that nobody has claimed.</param>
    /// <param name="resolution">How it ends.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// <see langword="false"/>, and nothing changes, if there is no such failure, if it has ended already, or if it is not <paramref name="owner"/>'s.
    /// </returns>
    ValueTask<bool> ResolveAsync(Guid id, string? owner, FailureResolution resolution, CancellationToken cancellationToken = default);

    /// <summary>Keeps what a person decided on a parked record. Of several decisions on one record the first holds.</summary>
    /// <param name="id">The failure.</param>
    /// <param name="decision">The decision; a <see cref="FailureDecisionKind.Skip"/> discards the failure.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns><see langword="false"/>, and nothing changes, if there is no such open parked failure or somebody has decided already.</returns>
    ValueTask<bool> DecideAsync(Guid id, FailureDecision decision, CancellationToken cancellationToken = default);

    /// <summary>Forgets the failures that match.</summary>
    /// <param name="filter">Which ones; a claimed failure is never forgotten.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>How many were forgotten.</returns>
    ValueTask<int> PurgeAsync(FailureFilter filter, CancellationToken cancellationToken = default);
}
