using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>
/// Keeps failures in a folder of text files that are only added to: the store that needs no server, and the library's default. Dispose of it to let another one have
/// the folder.
/// </summary>
/// <remarks>
/// <para>
/// A file <c>failures-00000001.jsonl</c> has one JSON object a line, as in <c>{"crc":"1a2b3c4d","kind":"failure","failure":{…}}</c>, so that <c>jq . folder/*.jsonl</c>
/// works; <c>crc</c> is the CRC-32C of the line's bytes behind that member and its comma, in hexadecimal. Other kinds say what became of failures: <c>claim</c>,
/// <c>release</c>, <c>resolution</c>, <c>decision</c>, <c>purge</c>; a file begins with a <c>segment</c>. The state is what replaying all lines in their order gives.
/// Only an index is kept in memory, some hundred bytes for each failure.
/// </para>
/// <para>
/// Whatever changes the store returns after its lines are flushed to the disk (<c>fsync</c>; on Linux and macOS that of the folder too when a file is created,
/// renamed or deleted). Many writers share one flush; a writer that is alone writes on its own thread, which that blocks for so long. If the disk is full or
/// fails, all of that flush throw an <see cref="IOException"/>, the file is cut back to where it was, and the next write tries again.
/// </para>
/// <para>
/// Lines that a crash or the disk has damaged are left out when the store is opened, and reported by <see cref="Damage"/>; their bytes are moved to a
/// file <c>failures-00000001.damaged</c> beside, which the store never deletes.
/// </para>
/// </remarks>
public sealed class FileFailureStore : IFailureStore, IAsyncDisposable, IDisposable
{
    // Larger appends are made durable in parts, so that they need not be in memory twice.
    private const int MaxPartBytes = 8 << 20;
    private const int MaxPartPurged = 10_000;

    private readonly StoreFolder _folder;
    private readonly FileFailureStoreOptions _options;
    private readonly FolderReplay _replay;
    private readonly List<FailureStoreDamage> _damage = [];
    private readonly SemaphoreSlim _maintaining = new(1);

    // All null if the store is read-only.
    private readonly FolderLock? _lock;
    private readonly SegmentWriter? _writer;
    private readonly GroupCommitter? _committer;
    private readonly SegmentRewriter? _rewriter;
    private int _isMaintenanceDue;
    private volatile bool _isDisposed;

    private FileFailureStore(StoreFolder folder, FileFailureStoreOptions options, FolderLock? folderLock)
    {
        _folder = folder;
        _options = options;
        _lock = folderLock;
        _replay = new FolderReplay(folder);
        if (folderLock is null)
        {
            _replay.Refresh();
            return;
        }

        FailureIndex index = _replay.Index;
        List<Segment> segments = folder.Segments();
        folder.DeleteLeftovers(segments);
        index.Segments.AddRange(segments);
        _writer = new SegmentWriter(folder, index, options);
        _committer = new GroupCommitter(folder, index, _writer, options, MaintainSoon);
        _rewriter = new SegmentRewriter(folder, index, options.TimeProvider);

        HashSet<Segment> damaged = [];
        foreach ((Segment segment, IReadOnlyList<FailureStoreDamage> damage, bool isTail) in _replay.Replay(segments))
        {
            if (!TryRepair(segment, damage, isTail))
                damaged.Add(segment);
        }

        _damage.AddRange(_replay.Damage);

        _writer.ContinueAfter(segments.Count == 0 ? 0 : segments[^1].Number);
        if (index.Segments is [.., var newest] && !damaged.Contains(newest))
            _writer.Continue(newest);
    }

    /// <summary>The folder's path.</summary>
    public string Folder => _folder.Path;

    /// <summary>What was left out because it is not what the store wrote; empty for a store that was never damaged.</summary>
    public IReadOnlyList<FailureStoreDamage> Damage
    {
        get
        {
            lock (_damage)
            {
                if (_lock is not null)
                    return [.. _damage];

                lock (_replay)
                    return [.. _replay.Damage, .. _damage];
            }
        }
    }

    /// <summary>Opens the store in a folder, and creates the folder if there is none.</summary>
    /// <param name="folder">The folder. It must be on a file system that keeps what it has flushed; file locks, which keep others out, may not work over a network.</param>
    /// <param name="options">How files are kept; <see langword="null"/> for the defaults.</param>
    /// <exception cref="InvalidOptionsException">An option is out of range; all that are, are listed.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder to be read only.</exception>
    /// <exception cref="IOException">Another store, of this process or another, has the folder; the message names the process and the remedy. Or the disk fails.</exception>
    public static FileFailureStore Open(string folder, FileFailureStoreOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        options = (options ?? new FileFailureStoreOptions()).Validated();
        var storeFolder = new StoreFolder(folder);
        if (options.ReadOnly)
        {
            return Directory.Exists(storeFolder.Path)
                ? new FileFailureStore(storeFolder, options, folderLock: null)
                : throw new DirectoryNotFoundException(
                    $"There is no failure store to be read in {storeFolder.Path}. Name the folder of one, or open it without {nameof(FileFailureStoreOptions.ReadOnly)} to create it.");
        }

        storeFolder.Create();
        FolderLock folderLock = FolderLock.Take(storeFolder.Path);
        try
        {
            var store = new FileFailureStore(storeFolder, options, folderLock);
            store.MaintainAsync(isTight: false).GetAwaiter().GetResult();
            return store;
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="FailureStoreFullException">There is no room left within <see cref="FileFailureStoreOptions.MaxBytes"/>.</exception>
    /// <exception cref="IOException">The disk is full or fails; the message names the folder and the remedy.</exception>
    /// <exception cref="InvalidOperationException">The store is read-only.</exception>
    /// <exception cref="ObjectDisposedException">The store was disposed of.</exception>
    public async ValueTask AppendAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(failures);
        GroupCommitter committer = Committer();
        foreach (FailureRecord failure in failures)
            RequireWhole(failure);

        for (int next = 0; next < failures.Count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int first = next;
            try
            {
                AppendOperation operation = Append(failures, ref next);
                committer.Submit(operation);
                await operation.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (FailureStoreFullException)
            {
                await MaintainAsync(isTight: true).WaitAsync(cancellationToken).ConfigureAwait(false);
                next = first;
                AppendOperation operation = Append(failures, ref next);
                committer.Submit(operation);
                await operation.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>Failures that are appended after the reading began are not read. One that is unreadable by now is left out and reported by <see cref="Damage"/>.</remarks>
    public async IAsyncEnumerable<StoredFailure> ReadAsync(
        FailureFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        cancellationToken.ThrowIfCancellationRequested();
        (FailureIndex index, List<FailureEntry> entries) = Find(filter);
        using var reader = NewReader(index);
        foreach (FailureEntry entry in entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (reader.Read(entry) is { } record && WithState(index, entry, record, filter) is { } stored)
                yield return stored;
        }

        await default(ValueTask).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The trend compares the halves of the time from the group's first failure that matches up to now, by when failures last failed: rising if the later half has
    /// at least twice as many as the earlier one, falling if it has at most half as many. With fewer than four failures it is steady.
    /// </remarks>
    public ValueTask<IReadOnlyList<FailureGroup>> GroupAsync(FailureFilter filter, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        cancellationToken.ThrowIfCancellationRequested();
        FailureIndex index = Index();
        DateTimeOffset now = _options.TimeProvider.GetUtcNow();
        var groups = new Dictionary<(string Fingerprint, string Pipeline, string Stage), FailureGrouping>();
        lock (index.Gate)
        {
            foreach (FailureEntry entry in index.Where(filter, now))
            {
                (string, string, string) kind = (entry.Traits.Fingerprint, entry.Traits.Pipeline, entry.Traits.Stage);
                if (!groups.TryGetValue(kind, out FailureGrouping? group))
                    groups.Add(kind, group = new FailureGrouping());
                group.Add(entry);
            }
        }

        using var reader = NewReader(index);
        List<FailureGroup> result = [];
        foreach (FailureGrouping group in groups.Values.OrderByDescending(static group => group.Count))
        {
            cancellationToken.ThrowIfCancellationRequested();
            result.Add(group.ToGroup(reader.Read(group.Last), now));
        }

        return new(result);
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The disk is full or fails; the message names the folder and the remedy.</exception>
    /// <exception cref="InvalidOperationException">The store is read-only.</exception>
    /// <exception cref="ObjectDisposedException">The store was disposed of.</exception>
    public async ValueTask<IReadOnlyList<StoredFailure>> ClaimAsync(
        FailureFilter filter, int maxCount, FailureLease lease, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentOutOfRangeException.ThrowIfNegative(maxCount);
        ArgumentException.ThrowIfNullOrWhiteSpace(lease.Owner, nameof(lease));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lease.Duration, TimeSpan.Zero, nameof(lease));
        GroupCommitter committer = Committer();
        cancellationToken.ThrowIfCancellationRequested();
        if (maxCount == 0)
            return [];

        var operation = new ClaimOperation(filter, maxCount, lease);
        committer.Submit(operation);
        IReadOnlyList<FailureEntry> claimed = await operation.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
        using var reader = NewReader(Index());
        List<StoredFailure> result = [];
        foreach (FailureEntry entry in claimed)
        {
            if (reader.Read(entry) is { } record)
                result.Add(new StoredFailure(record, FailureStatus.Claimed, entry.Progress?.Decision, LeaseExpiresAt: operation.Until));
        }

        return result;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The resolution's status is <see cref="FailureStatus.Claimed"/> or unknown.</exception>
    /// <exception cref="IOException">The disk is full or fails; the message names the folder and the remedy.</exception>
    /// <exception cref="InvalidOperationException">The store is read-only.</exception>
    /// <exception cref="ObjectDisposedException">The store was disposed of.</exception>
    public async ValueTask<bool> ResolveAsync(Guid id, string? owner, FailureResolution resolution, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(resolution);
        ArgumentNullException.ThrowIfNull(resolution.Actor, nameof(resolution));
        if (resolution.Status is not (FailureStatus.Redriven or FailureStatus.Discarded or FailureStatus.Open))
            throw new ArgumentException($"A failure is resolved as Redriven or Discarded, or given back as Open, but not as {resolution.Status}.", nameof(resolution));

        GroupCommitter committer = Committer();
        cancellationToken.ThrowIfCancellationRequested();
        var operation = new ResolveOperation(id, owner, resolution);
        committer.Submit(operation);
        return await operation.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The decision is of no known kind.</exception>
    /// <exception cref="IOException">The disk is full or fails; the message names the folder and the remedy.</exception>
    /// <exception cref="InvalidOperationException">The store is read-only.</exception>
    /// <exception cref="ObjectDisposedException">The store was disposed of.</exception>
    public async ValueTask<bool> DecideAsync(Guid id, FailureDecision decision, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(decision);
        ArgumentNullException.ThrowIfNull(decision.Actor, nameof(decision));
        ArgumentNullException.ThrowIfNull(decision.Reason, nameof(decision));
        if (!Enum.IsDefined(decision.Kind))
            throw new ArgumentException($"A person decides Approve, Retry or Skip, but not {decision.Kind}.", nameof(decision));

        GroupCommitter committer = Committer();
        cancellationToken.ThrowIfCancellationRequested();
        var operation = new DecideOperation(id, decision);
        committer.Submit(operation);
        return await operation.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>Files of which that leaves less than half are rewritten or deleted before this returns.</remarks>
    /// <exception cref="IOException">The disk is full or fails; the message names the folder and the remedy.</exception>
    /// <exception cref="InvalidOperationException">The store is read-only.</exception>
    /// <exception cref="ObjectDisposedException">The store was disposed of.</exception>
    public async ValueTask<int> PurgeAsync(FailureFilter filter, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        Committer();
        cancellationToken.ThrowIfCancellationRequested();
        (_, List<FailureEntry> entries) = Find(filter);
        int purged = await PurgeAsync(entries, (entry, now) => entry.Matches(filter, now), cancellationToken).ConfigureAwait(false);
        if (purged > 0)
            await MaintainAsync(isTight: false).WaitAsync(cancellationToken).ConfigureAwait(false);

        return purged;
    }

    /// <summary>Waits for what is being written, and lets another store have the folder.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;

        _isDisposed = true;
        _committer?.Close();
        _maintaining.Wait();
        try
        {
            _writer?.Dispose();
            _lock?.Dispose();
        }
        finally
        {
            _maintaining.Release();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync() => await Task.Run(Dispose).ConfigureAwait(false);

    private static void RequireWhole(FailureRecord failure)
    {
        if (failure is null)
            throw new ArgumentException("A failure is null.", nameof(failure));

        // What is written must be readable.
        string? missing =
            failure.Fingerprint is null ? nameof(failure.Fingerprint)
            : failure.Pipeline is null ? nameof(failure.Pipeline)
            : failure.Stage is null ? nameof(failure.Stage)
            : failure.Host is null ? nameof(failure.Host)
            : failure.Process is null ? nameof(failure.Process)
            : null;
        if (missing is not null)
            throw new ArgumentException($"{missing} of failure {failure.Id} is null, but must be set.", nameof(failure));
    }

    private AppendOperation Append(IReadOnlyList<FailureRecord> failures, ref int next)
    {
        var operation = new AppendOperation(_folder, _options.MaxBytes);
        try
        {
            do
                operation.Add(failures[next++]);
            while (next < failures.Count && operation.Length < MaxPartBytes);
        }
        catch
        {
            operation.Dispose();
            throw;
        }

        return operation;
    }

    private GroupCommitter Committer()
    {
        ThrowIfDisposed();
        return _committer ?? throw new InvalidOperationException(
            $"The failure store in {Folder} was opened to be read only. Open it without {nameof(FileFailureStoreOptions.ReadOnly)}, in the one process that writes it.");
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(
                nameof(FileFailureStore), $"The failure store in {Folder} was disposed of. Dispose of it after the stages that keep failures in it, and the runs of these, have ended.");
        }
    }

    private FailureIndex Index()
    {
        ThrowIfDisposed();
        if (_lock is not null)
            return _replay.Index;

        lock (_replay)
        {
            _replay.Refresh();
            return _replay.Index;
        }
    }

    private RecordReader NewReader(FailureIndex index) => new(index, Report, _lock is null ? id => Index().Find(id) : null);

    private (FailureIndex Index, List<FailureEntry> Entries) Find(FailureFilter filter)
    {
        FailureIndex index = Index();
        DateTimeOffset now = _options.TimeProvider.GetUtcNow();
        lock (index.Gate)
            return (index, [.. index.Where(filter, now)]);
    }

    // As it is when it is read, not as it was when the reading began.
    private StoredFailure? WithState(FailureIndex index, FailureEntry entry, FailureRecord record, FailureFilter filter)
    {
        DateTimeOffset now = _options.TimeProvider.GetUtcNow();
        lock (index.Gate)
            return entry.Matches(filter, now) ? entry.With(record, now) : null;
    }

    private async Task<int> PurgeAsync(List<FailureEntry> entries, Func<FailureEntry, DateTimeOffset, bool> isMeant, CancellationToken cancellationToken)
    {
        // A file that is mostly of what is purged ends here, so that it can go.
        if (_writer!.Current is { } current && entries.Where(entry => entry.Line.Segment == current).Sum(static entry => (long)entry.Line.Length) > current.Length / 2)
            _writer.Seal();

        int purged = 0;
        FailureEntry[] all = [.. entries];
        for (int first = 0; first < all.Length; first += MaxPartPurged)
        {
            var operation = new PurgeOperation(new ArraySegment<FailureEntry>(all, first, Math.Min(MaxPartPurged, all.Length - first)), isMeant);
            _committer!.Submit(operation);
            purged += await operation.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return purged;
    }

    private void MaintainSoon()
    {
        if (Interlocked.Exchange(ref _isMaintenanceDue, 1) == 0)
            _ = Task.Run(() => MaintainAsync(isTight: false));
    }

    // What cannot be done now, for want of space perhaps, is tried again when the next file is begun: until then more is kept than need be.
    private async Task MaintainAsync(bool isTight)
    {
        await _maintaining.WaitAsync().ConfigureAwait(false);
        try
        {
            Volatile.Write(ref _isMaintenanceDue, 0);
            if (_isDisposed)
                return;

            await ExpireAsync().ConfigureAwait(false);
            foreach (Segment segment in Superfluous(isTight))
            {
                if (_isDisposed)
                    return;

                foreach (FailureStoreDamage damage in _rewriter!.Rewrite(segment))
                    Report(damage);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
        }
        finally
        {
            _maintaining.Release();
        }
    }

    private async Task ExpireAsync()
    {
        if (_options.RetainResolved is null && _options.RetainAll is null)
            return;

        List<FailureEntry> expired;
        DateTimeOffset now = _options.TimeProvider.GetUtcNow();
        lock (_replay.Index.Gate)
            expired = [.. _replay.Index.All().Where(entry => IsExpired(entry, now))];

        await PurgeAsync(expired, IsExpired, CancellationToken.None).ConfigureAwait(false);
    }

    private bool IsExpired(FailureEntry entry, DateTimeOffset now) =>
        (_options.RetainResolved is { } resolved && entry.Progress?.Resolution is { } resolution && now - resolution.Time >= resolved)
        || (_options.RetainAll is { } all && now - entry.LastFailedAt >= all && entry.StatusAt(now) != FailureStatus.Claimed);

    private List<Segment> Superfluous(bool isTight)
    {
        FailureIndex index = _replay.Index;
        lock (index.Gate)
            return [.. index.Segments.Where(segment => segment != _writer!.Current && (segment.Length - segment.LiveBytes) * (isTight ? 8 : 2) > segment.Length)];
    }

    private bool TryRepair(Segment segment, IReadOnlyList<FailureStoreDamage> damage, bool isTail)
    {
        try
        {
            foreach (FailureStoreDamage piece in isTail ? _rewriter!.CutTail(segment, damage) : _rewriter!.Rewrite(segment))
                Report(piece);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It stays where it is, and is skipped. Nothing is added to the file.
            foreach (FailureStoreDamage piece in damage)
                Report(piece);
            return false;
        }
    }

    private void Report(FailureStoreDamage damage)
    {
        lock (_damage)
        {
            if (!_damage.Any(known => known.File == damage.File && known.Offset == damage.Offset))
                _damage.Add(damage);
        }
    }
}
