using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using ApiDocs.Enrichment;
using ApiDocs.Loading;
using ApiDocs.Reading;
using ApiDocs.Validation;
using PipelineOps;

namespace ApiDocs;

/// <summary>Moves records from the files to the index: workers between bounded channels, so that a slow stage holds back those before it.</summary>
/// <remarks>
/// Every record that was read leaves through <see cref="LoadAsync"/>, whatever happens. A stop does not cut the channels: the stages then give
/// each record the disposition <see cref="Disposition.InFlight"/> instead of working on it, so that the channels drain within moments and the accounting holds.
/// </remarks>
internal sealed class IngestFlow(IngestStages stages, CatalogClient catalog, OutcomeFiles files, Ledger ledger) : IDisposable
{
    private const int MaxBatch = 512;

    private readonly Channel<MemberGroup> _read = Channel.CreateBounded<MemberGroup>(64);
    private readonly Channel<MemberGroup> _valid = Channel.CreateBounded<MemberGroup>(64);
    private readonly Channel<Outcome> _ended = Channel.CreateBounded<Outcome>(new BoundedChannelOptions(4 * MaxBatch) { SingleReader = true });
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly Dictionary<(Disposition Disposition, string Reason), int> _reasons = [];
    private readonly CancellationTokenSource _stop = new();

    // Cancelled when a worker dies of a defect, so that those who hand over to it do not wait for ever.
    private readonly CancellationTokenSource _broken = new();
    private int _unreadableFiles;

    /// <summary>What the user must hear of, a line each.</summary>
    public IReadOnlyCollection<string> Problems => _problems;

    /// <summary>How many records failed for which reason.</summary>
    public IReadOnlyDictionary<(Disposition Disposition, string Reason), int> Reasons => _reasons;

    /// <summary>Whether the results could not be written.</summary>
    public bool LoadFailed { get; private set; }

    /// <summary>How many files could not be read to their end.</summary>
    public int UnreadableFiles => Volatile.Read(ref _unreadableFiles);

    public void Dispose()
    {
        _stop.Dispose();
        _broken.Dispose();
    }

    public async Task RunAsync(IReadOnlyList<DocumentationFile> input, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.Register(_stop.Cancel);
        await Task.WhenAll(
            ThenAsync(Parallel.ForEachAsync(input, Workers(2), ReadAsync), _read.Writer.Complete),
            ThenAsync(Parallel.ForEachAsync(_read.Reader.ReadAllAsync(_broken.Token), Workers(2), ValidateAsync), _valid.Writer.Complete),
            ThenAsync(Parallel.ForEachAsync(_valid.Reader.ReadAllAsync(_broken.Token), Workers(IngestPipeline.EnrichConcurrency), EnrichAsync), _ended.Writer.Complete),
            ThenAsync(LoadAsync(), static _ => { }));
    }

    private ParallelOptions Workers(int count) => new() { MaxDegreeOfParallelism = count, CancellationToken = _broken.Token };

    private async Task ThenAsync(Task work, Action<Exception?> complete)
    {
        try
        {
            await work;
            complete(null);
        }
        catch
        {
            await _broken.CancelAsync();
            throw;
        }
    }

    private async ValueTask ReadAsync(DocumentationFile file, CancellationToken broken)
    {
        using var reader = new MemberReader(file);
        while (!_stop.IsCancellationRequested)
        {
            StageResult<MemberGroup?> result = await stages.Read.Stage.TryExecuteAsync(
                static (reader, _) => ValueTask.FromResult(reader.ReadNext()), reader, _stop.Token);
            stages.Read.Add(result);

            if (result is { IsSuccess: true, Value: { } group })
            {
                ledger.AddRead(group.Members.Count);
                await _read.Writer.WriteAsync(group, broken);
                continue;
            }

            if (!result.IsSuccess && result.Classification.ToDisposition() is not Disposition.InFlight and var disposition)
                await GiveUpAsync(file, disposition, result.Error!);
            ledger.AddFile();
            return;
        }
    }

    // What is left of the file counts as one record: nobody can know how many it would have been.
    private async ValueTask GiveUpAsync(DocumentationFile file, Disposition disposition, Exception error)
    {
        string reason = disposition == Disposition.Quarantined ? "malformed file" : "unreadable file";
        _problems.Enqueue($"{reason} {file.Path}: {error.Message}");
        Interlocked.Increment(ref _unreadableFiles);
        ledger.AddRead(1);
        await EndAsync(new Outcome(MemberRecord.Unreadable(file.Name), disposition, Failure: new Failure(IngestPipeline.Read, reason, error.Message)));
    }

    private async ValueTask ValidateAsync(MemberGroup group, CancellationToken broken)
    {
        var valid = new List<MemberRecord>(group.Members.Count);
        foreach (MemberRecord member in group.Members)
        {
            StageResult<Failure?> result = await stages.Validate.Stage.TryExecuteAsync(
                static (member, _) => ValueTask.FromResult(MemberValidator.Validate(member)), member, _stop.Token);
            stages.Validate.Add(result);

            if (result.IsSuccess)
                valid.Add(member);
            else
                await EndAsync(new Outcome(member, result.Classification.ToDisposition(), Failure: result.Value ?? Failure.Of(IngestPipeline.Validate, result.Error!)));
        }

        if (valid.Count > 0)
            await _valid.Writer.WriteAsync(group with { Members = valid }, broken);
    }

    private async ValueTask EnrichAsync(MemberGroup group, CancellationToken broken)
    {
        TypeOutcome type = await catalog.DescribeAsync(group.Type, _stop.Token);
        foreach (MemberRecord member in group.Members)
            await EndAsync(new Outcome(member, type.Disposition, type.Entry, type.Failure));
    }

    private ValueTask EndAsync(Outcome outcome) => _ended.Writer.WriteAsync(outcome, _broken.Token);

    private async Task LoadAsync()
    {
        var batch = new List<Outcome>(MaxBatch);
        while (await _ended.Reader.WaitToReadAsync(_broken.Token))
        {
            while (batch.Count < MaxBatch && _ended.Reader.TryRead(out Outcome outcome))
                batch.Add(outcome);

            foreach (IGrouping<Disposition, Outcome> ended in batch.GroupBy(static outcome => outcome.Disposition))
                await KeepAsync(ended.Key, [.. ended]);
            batch.Clear();
        }
    }

    // A record is counted when its line is written, not before.
    private async Task KeepAsync(Disposition disposition, Outcome[] batch)
    {
        if (files[disposition] is { } file)
        {
            if (LoadFailed)
                disposition = Disposition.InFlight;
            else if (!await WriteAsync(file, batch))
                disposition = Disposition.FailedUnknown;
        }

        ledger.AddEnded(disposition, batch.Length);
        if (disposition is Disposition.Quarantined or Disposition.DeadLettered)
        {
            foreach (Outcome outcome in batch)
                CollectionsMarshal.GetValueRefOrAddDefault(_reasons, (disposition, outcome.Failure!.Reason), out _)++;
        }
    }

    private async Task<bool> WriteAsync(OutcomeFile file, Outcome[] batch)
    {
        // Not cancelled by a stop: what is finished is kept.
        StageResult result = await stages.Load.Stage.TryExecuteAsync(
            static (write, ct) => write.file.WriteAsync(write.batch, ct), (file, batch), CancellationToken.None);
        stages.Load.Add(result);
        if (result.IsSuccess)
            return true;

        LoadFailed = true;
        _problems.Enqueue($"cannot write {file.Path}: {result.Error!.Message}");
        await _stop.CancelAsync();
        return false;
    }
}
