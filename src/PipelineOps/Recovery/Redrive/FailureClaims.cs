namespace PipelineOps;

/// <summary>
/// The claims of one redrive. A store hands out the oldest open failures, so what is not to be sent (again) in this run stays claimed until its end: released
/// at once, it would be handed out for ever.
/// </summary>
internal sealed class FailureClaims(IFailureStore store, FailureFilter filter, string actor, TimeSpan lease, TimeProvider timeProvider)
{
    private const int ConcurrentReleases = 64;

    private readonly FailureLease _lease = new($"{actor}/{Guid.NewGuid():N}", lease);
    private readonly Queue<StoredFailure> _batch = [];
    private readonly HashSet<Guid> _taken = [];
    private readonly HashSet<Guid> _held = [];
    private long _claimedAt;

    /// <summary>Whether half of the lease is left, which is enough to send what <see cref="NextAsync"/> has given last.</summary>
    public bool IsFresh => timeProvider.GetElapsedTime(_claimedAt) <= _lease.Duration / 2;

    /// <summary>A claimed failure that this run has not had yet; <see langword="null"/> when there are no more.</summary>
    /// <param name="maxCount">How many may be claimed with it.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public async ValueTask<StoredFailure?> NextAsync(int maxCount, CancellationToken cancellationToken)
    {
        while (_batch.Count == 0)
        {
            _claimedAt = timeProvider.GetTimestamp();
            IReadOnlyList<StoredFailure> claimed = await store.ClaimAsync(filter, maxCount, _lease, cancellationToken).ConfigureAwait(false);
            if (claimed.Count == 0)
                return null;

            foreach (StoredFailure failure in claimed)
            {
                // Known ones come again when their lease has ended. Children of what was sent failed just now, and would fail again.
                if (_taken.Contains(failure.Record.Id) || (failure.Record.ParentId is { } parent && _taken.Contains(parent)))
                    _held.Add(failure.Record.Id);
                else
                    _batch.Enqueue(failure);
            }
        }

        StoredFailure next = _batch.Dequeue();
        _taken.Add(next.Record.Id);
        return next;
    }

    /// <summary>Gives back the last of <see cref="NextAsync"/> and those behind it, to claim them anew.</summary>
    public async ValueTask GiveBackAsync(StoredFailure last)
    {
        _taken.Remove(last.Record.Id);
        await ReleaseAsync([last.Record.Id]).ConfigureAwait(false);
        await GiveBackAsync().ConfigureAwait(false);
    }

    /// <summary>Keeps a failure claimed until the end of the run, when it is open again.</summary>
    public void Hold(StoredFailure failure) => _held.Add(failure.Record.Id);

    /// <summary>Ends a failure. Not cancelled: what was sent must not be sent again because somebody stopped the run.</summary>
    /// <returns><see langword="false"/> if the claim was lost meanwhile.</returns>
    public ValueTask<bool> ResolveAsync(StoredFailure failure, FailureResolution resolution) =>
        store.ResolveAsync(failure.Record.Id, _lease.Owner, resolution, CancellationToken.None);

    /// <summary>Gives back everything that is still claimed. Does not throw: a claim that cannot be given back ends by itself.</summary>
    public async ValueTask ReleaseAllAsync()
    {
        try
        {
            await GiveBackAsync().ConfigureAwait(false);
            await ReleaseAsync(_held).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The store fails, which whoever runs the redrive learns from what they asked for.
        }
    }

    private async ValueTask GiveBackAsync()
    {
        Guid[] ids = [.. _batch.Select(static failure => failure.Record.Id)];
        _batch.Clear();
        await ReleaseAsync(ids).ConfigureAwait(false);
    }

    // Many at once: a store that writes to a disk acknowledges them together.
    private Task ReleaseAsync(IEnumerable<Guid> ids)
    {
        var resolution = new FailureResolution(FailureStatus.Open, actor, timeProvider.GetUtcNow());
        return Parallel.ForEachAsync(
            ids,
            new ParallelOptions { MaxDegreeOfParallelism = ConcurrentReleases },
            async (id, _) => await store.ResolveAsync(id, _lease.Owner, resolution, CancellationToken.None).ConfigureAwait(false));
    }
}
