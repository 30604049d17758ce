using System.Text;

namespace PipelineOps.Tests.Recovery.Storage;

/// <summary>A folder for a test's store, with a clock; deleted afterwards.</summary>
/// <param name="root">The folder's folder; <see langword="null"/> for the one of temporary files.</param>
internal sealed class TestStore(string? root = null) : IAsyncDisposable
{
    // For tests that write small stores hundreds of times: there flushing costs nothing.
    private static readonly string? Memory = Directory.Exists("/dev/shm") ? "/dev/shm" : null;

    private FileFailureStore? _store;

    public ManualTimeProvider Time { get; } = new();

    public string Folder { get; } = Path.Combine(root ?? Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");

    public FileFailureStoreOptions Options { get; } = new() { SegmentAge = null, RetainResolved = null };

    /// <summary>The store, opened when it is first asked for.</summary>
    public FileFailureStore Store => _store ??= Open();

    public IReadOnlyList<string> Files => [.. Directory.EnumerateFiles(Folder, "*.jsonl").Order(StringComparer.Ordinal)];

    public static TestStore InMemory() => new(Memory);

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static FailureRecord Failure(
        string fingerprint = "f1",
        Disposition disposition = Disposition.DeadLettered,
        DateTimeOffset? at = null,
        string stage = "load",
        string? run = null,
        ErrorCategory category = ErrorCategory.Transient,
        string text = "it failed",
        int payload = 0,
        Guid? id = null)
    {
        DateTimeOffset time = at ?? new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
        return new FailureRecord
        {
            Id = id ?? Guid.NewGuid(),
            Fingerprint = fingerprint,
            Pipeline = "orders",
            Stage = stage,
            Run = run,
            Disposition = disposition,
            Reason = DispositionReason.Exhausted,
            Category = category,
            Strategy = RecoveryStrategy.DeadLetter,
            Severity = ErrorSeverity.Medium,
            Exceptions = [new FailureCause("System.IO.IOException", text, 0)],
            Payload = payload == 0 ? null : new FailurePayload { Content = Encoding.ASCII.GetBytes(new string('p', payload)), ContentType = "text/plain", OriginalLength = payload },
            FirstFailedAt = time,
            LastFailedAt = time,
            Host = "host",
            Process = "tests/1",
        };
    }

    public static List<FailureRecord> Failures(int count, int payload = 0) => [.. Enumerable.Range(0, count).Select(i => Failure(text: $"failure {i}", payload: payload))];

    /// <summary>What tells two failures apart: everything.</summary>
    public static string Text(FailureRecord record) => Encoding.UTF8.GetString(FailureJson.Serialize(record));

    public FileFailureStore Open()
    {
        Options.TimeProvider = Time;
        return FileFailureStore.Open(Folder, Options);
    }

    public async Task<FileFailureStore> Reopen()
    {
        await Close();
        return Store;
    }

    public async Task Close()
    {
        if (_store is not null)
            await _store.DisposeAsync();
        _store = null;
    }

    public async Task Append(params FailureRecord[] failures) => await Store.AppendAsync(failures, Token);

    public Task<List<StoredFailure>> Read(FailureFilter? filter = null) => Read(Store, filter);

    public static async Task<List<StoredFailure>> Read(FileFailureStore store, FailureFilter? filter = null)
    {
        List<StoredFailure> read = [];
        await foreach (StoredFailure failure in store.ReadAsync(filter ?? FailureFilter.All, Token))
            read.Add(failure);
        return read;
    }

    public async Task<Guid[]> Ids(FailureFilter? filter = null) => [.. (await Read(filter)).Select(failure => failure.Record.Id)];

    public async Task<StoredFailure> Read(Guid id) => Assert.Single(await Read(new FailureFilter { Id = id }));

    public async Task<Guid[]> Claim(string owner = "redrive", int maxCount = 100, FailureFilter? filter = null, double minutes = 5) =>
        [.. (await Store.ClaimAsync(filter ?? FailureFilter.All, maxCount, new FailureLease(owner, TimeSpan.FromMinutes(minutes)), Token)).Select(failure => failure.Record.Id)];

    public FailureResolution As(FailureStatus status, string? reason = null) => new(status, "ada", Time.GetUtcNow(), reason);

    public FailureDecision Decision(FailureDecisionKind kind, string reason = "because") => new(kind, "ada", reason, Time.GetUtcNow());

    public async ValueTask DisposeAsync()
    {
        await Close();
        if (Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
    }
}
