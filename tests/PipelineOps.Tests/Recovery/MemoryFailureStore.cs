using System.Runtime.CompilerServices;

namespace PipelineOps.Tests.Recovery;

/// <summary>A store as its contract has it, with the faults that a test asks for.</summary>
internal sealed class MemoryFailureStore(TimeProvider time) : IFailureStore
{
    private readonly Dictionary<Guid, Entry> _entries = [];
    private readonly List<Guid> _order = [];

    /// <summary>Called before a claim is resolved, without a lock.</summary>
    public Action<Guid, FailureResolution>? BeforeResolve { get; set; }

    /// <summary>Called before failures are claimed, without a lock.</summary>
    public Action<int>? BeforeClaim { get; set; }

    public IReadOnlyList<StoredFailure> All
    {
        get { lock (_entries) { return [.. _order.Select(id => Seen(_entries[id]))]; } }
    }

    public StoredFailure this[Guid id]
    {
        get { lock (_entries) { return Seen(_entries[id]); } }
    }

    public ValueTask AppendAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken = default)
    {
        lock (_entries)
        {
            foreach (FailureRecord failure in failures)
            {
                if (_entries.TryGetValue(failure.Id, out Entry? known) && known.Resolution is null)
                    continue;

                _order.Remove(failure.Id);
                _order.Add(failure.Id);
                _entries[failure.Id] = new Entry(failure);
            }
        }

        return default;
    }

    public async IAsyncEnumerable<StoredFailure> ReadAsync(FailureFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        StoredFailure[] matching;
        lock (_entries)
            matching = [.. _order.Select(id => Seen(_entries[id])).Where(filter.Matches)];

        foreach (StoredFailure failure in matching)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return failure;
        }
    }

    public ValueTask<IReadOnlyList<FailureGroup>> GroupAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public async ValueTask<IReadOnlyList<StoredFailure>> ClaimAsync(
        FailureFilter filter, int maxCount, FailureLease lease, CancellationToken cancellationToken = default)
    {
        BeforeClaim?.Invoke(maxCount);
        await Task.Yield();
        lock (_entries)
        {
            Entry[] claimed =
            [
                .. _order.Select(id => _entries[id])
                    .Where(entry => Seen(entry) is { Status: FailureStatus.Open } seen
                        && filter.Matches(seen)
                        && (entry.Record.Disposition != Disposition.Parked || entry.Decision is not null))
                    .Take(maxCount),
            ];
            foreach (Entry entry in claimed)
                (entry.Owner, entry.Expires) = (lease.Owner, time.GetUtcNow() + lease.Duration);
            return [.. claimed.Select(Seen)];
        }
    }

    public async ValueTask<bool> ResolveAsync(Guid id, string? owner, FailureResolution resolution, CancellationToken cancellationToken = default)
    {
        BeforeResolve?.Invoke(id, resolution);
        await Task.Yield();
        lock (_entries)
        {
            if (!_entries.TryGetValue(id, out Entry? entry) || entry.Resolution is not null || Owner(entry) != owner)
                return false;

            entry.Owner = null;
            entry.Resolution = resolution.Status == FailureStatus.Open ? null : resolution;
            return true;
        }
    }

    public ValueTask<bool> DecideAsync(Guid id, FailureDecision decision, CancellationToken cancellationToken = default)
    {
        lock (_entries)
        {
            if (!_entries.TryGetValue(id, out Entry? entry)
                || entry.Record.Disposition != Disposition.Parked || entry.Decision is not null || Seen(entry).Status != FailureStatus.Open)
            {
                return new(false);
            }

            entry.Decision = decision;
            if (decision.Kind == FailureDecisionKind.Skip)
                entry.Resolution = new FailureResolution(FailureStatus.Discarded, decision.Actor, decision.Time, decision.Reason);
            return new(true);
        }
    }

    public ValueTask<int> PurgeAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    private string? Owner(Entry entry) => entry.Expires > time.GetUtcNow() ? entry.Owner : null;

    private StoredFailure Seen(Entry entry)
    {
        bool claimed = entry.Resolution is null && Owner(entry) is not null;
        FailureStatus status = entry.Resolution?.Status ?? (claimed ? FailureStatus.Claimed : FailureStatus.Open);
        return new StoredFailure(entry.Record, status, entry.Decision, entry.Resolution, claimed ? entry.Expires : null);
    }

    private sealed class Entry(FailureRecord record)
    {
        public FailureRecord Record { get; } = record;

        public FailureDecision? Decision { get; set; }

        public FailureResolution? Resolution { get; set; }

        public string? Owner { get; set; }

        public DateTimeOffset Expires { get; set; }
    }
}
