using System.Diagnostics;
using System.Threading.Channels;
using ApiDocs.Enrichment;
using ApiDocs.Loading;
using ApiDocs.Reading;
using ApiDocs.Telemetry;
using ApiDocs.Validation;
using PipelineOps;

namespace ApiDocs;

/// <summary>Moves records from the files through the stages to the index.</summary>
/// <remarks>
/// Groups of members are validated and enriched side by side, and loaded in the order in which they were read: which of several members with one name
/// the index takes, and which it refuses, is then the same in every run. A stop cuts nothing off: the stages give back at once what they have not begun,
/// so that everything drains within moments and every record is accounted for.
/// </remarks>
internal sealed class IngestFlow(IngestStages stages, CatalogClient catalog, IndexFile index) : IDisposable
{
    // So many that a type which takes its time keeps only the loading waiting, and not the types behind it.
    private readonly Channel<Task<IReadOnlyList<IndexEntry>>> _groups = Channel.CreateBounded<Task<IReadOnlyList<IndexEntry>>>(2048);

    private readonly List<string> _unreadable = [];
    private readonly CancellationTokenSource _broken = new();
    private CancellationToken _stop;
    private string? _problem;
    private long _members;

    /// <summary>Why the job could not go on; <see langword="null"/> if it could.</summary>
    public string? Problem => _problem;

    /// <summary>The files that could not be read to their end, a line each.</summary>
    public IReadOnlyList<string> Unreadable => _unreadable;

    /// <summary>What became of the records.</summary>
    public RecordAccounting Accounting => stages.Account(Interlocked.Read(ref _members));

    public void Dispose() => _broken.Dispose();

    public async Task RunAsync(IReadOnlyList<DocumentationFile> files, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _broken.Token);
        _stop = stop.Token;
        await using PipelineRun run = stages.Pipeline.BeginRun();
        using (stages.Pipeline.ObserveQueue("groups", _groups.Reader))
            await Task.WhenAll(Task.Run(() => ReadAllAsync(files), CancellationToken.None), Task.Run(LoadAllAsync, CancellationToken.None));

        RecordAccounting records = Accounting;
        run.AddRead(records.Read);
        run.AddProcessed(records.Succeeded + records.Filtered);
        run.AddFailed(records.Skipped);

        // A run that was stopped is abandoned.
        if (_problem is not null)
            run.Fail();
        else if (!cancellationToken.IsCancellationRequested)
            run.Complete();
    }

    /// <summary>Validates members.</summary>
    /// <returns>Those without a flaw.</returns>
    public async Task<MemberGroup> ValidateAsync(MemberGroup group)
    {
        List<MemberRecord> valid = [];
        foreach (MemberRecord member in group.Members)
        {
            RecordResult result = await stages.Validate.ProcessAsync(
                member,
                static (member, _) =>
                {
                    MemberValidator.Validate(member);
                    return default;
                },
                _stop);
            if (Succeeded(result))
                valid.Add(member);
        }

        return group with { Members = valid };
    }

    /// <summary>Enriches members by one call for all of them, as they share their type; those of a type that fails are kept one by one.</summary>
    public async Task<IReadOnlyList<IndexEntry>> EnrichAsync(MemberGroup group)
    {
        CatalogEntry? type = null;
        BatchResult result = await stages.Enrich.ProcessBatchAsync(
            group.Members,
            async (members, token) =>
            {
                IngestTracing.TellKeys(members.Select(static member => member.Id));
                type = await catalog.DescribeAsync(group.Type, token);
            },
            cancellationToken: _stop);
        ActivityContext producer = Activity.Current?.Context ?? default;
        return Succeeded(result) ? [.. group.Members.Select(member => IndexEntry.Of(member, type!) with { Producer = producer })] : [];
    }

    /// <summary>Loads what is enriched, also after a stop.</summary>
    public async Task LoadAsync(IReadOnlyList<IndexEntry> batch)
    {
        using Activity? span = IngestTracing.StartBatch(batch.Count);
        BatchResult result = await stages.Load.ProcessBatchAsync(
            batch,
            (entries, _) =>
            {
                IngestTracing.TellKeys(entries.Select(static entry => entry.Id));
                return index.AppendAsync(entries);
            },
            BatchEffect.Atomic,
            _broken.Token);
        Succeeded(result);
    }

    private async Task ReadAllAsync(IReadOnlyList<DocumentationFile> files)
    {
        foreach (DocumentationFile file in files.TakeWhile(_ => !_stop.IsCancellationRequested))
        {
            RecordResult result = await stages.Read.ProcessAsync(file, ReadAsync, _stop);
            if (!Succeeded(result) && result.IsSettled)
                _unreadable.Add($"{(result.Disposition == Disposition.Quarantined ? "malformed" : "unreadable")} file {file.Path}: {result.Error?.Message}");
        }

        _groups.Writer.TryComplete();
    }

    private async ValueTask ReadAsync(DocumentationFile file, CancellationToken cancellationToken)
    {
        foreach (MemberGroup group in MemberReader.Read(file))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Interlocked.Add(ref _members, group.Members.Count);
            file.MembersRead += group.Members.Count;

            // Not cancelled: what was counted is handed on.
            Task<IReadOnlyList<IndexEntry>> enriched = Task.Run(() => ProcessAsync(group), CancellationToken.None);
            await _groups.Writer.WriteAsync(enriched, CancellationToken.None);
        }
    }

    private async Task<IReadOnlyList<IndexEntry>> ProcessAsync(MemberGroup group)
    {
        using Activity? span = IngestTracing.StartGroup(group);
        return await EnrichAsync(await ValidateAsync(group));
    }

    private async Task LoadAllAsync()
    {
        try
        {
            await foreach (IndexEntry[] batch in ReadEnrichedAsync().Chunk(IngestPipeline.MaxBatch))
                await LoadAsync(batch);
        }
        finally
        {
            // The reading has ended by now, unless by a defect.
            _groups.Writer.TryComplete();
        }
    }

    private async IAsyncEnumerable<IndexEntry> ReadEnrichedAsync()
    {
        await foreach (Task<IReadOnlyList<IndexEntry>> group in _groups.Reader.ReadAllAsync())
        {
            foreach (IndexEntry entry in await group)
                yield return entry;
        }
    }

    private bool Succeeded(BatchResult batch) => Enumerable.Range(0, batch.Count).Count(i => Succeeded(batch[i])) == batch.Count;

    // A record that a stage gives back though nobody wants to stop, because the failure store or the index is down, ends the job.
    private bool Succeeded(RecordResult record)
    {
        if (!record.IsSettled && !_stop.IsCancellationRequested)
        {
            Interlocked.CompareExchange(ref _problem, (record.StoreError ?? record.Error)?.Message ?? record.ToString(), null);
            _broken.Cancel();
        }

        return record.IsSuccess;
    }
}
