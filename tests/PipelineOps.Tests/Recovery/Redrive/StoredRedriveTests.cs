namespace PipelineOps.Tests.Recovery.Redrive;

/// <summary>From a stage's failure to its redrive, over a store of files.</summary>
public sealed class StoredRedriveTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly StoreFolder _folder = new();
    private FileFailureStore _store;

    public StoredRedriveTests() => _store = _folder.Open(_time);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task After_a_crash_a_failure_is_sent_again_with_the_same_id_once_its_lease_has_ended()
    {
        // Given a process that dies while it sends the first of three failures.
        FailureRecord[] failures = Failures.Many(3);
        await _store.AppendAsync(failures, Token);
        var dies = new TaskCompletionSource<RedriveOutcome>();
        List<Guid> sent = [];
        Task dying = new FailureRedrive(_store, _time).RunAsync(
            new RedriveOptions { Lease = TimeSpan.FromMinutes(1) },
            (failure, _) =>
            {
                sent.Add(failure.Id);
                return new(dies.Task);
            },
            Token).AsTask();
        await Waiting.Until(() => sent.Count == 1);
        Assert.False(dying.IsCompleted);

        // When another process opens the folder, it gets nothing as long as the lease lasts.
        _store = _folder.Open(_time);
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, (await Redrive()).Sent);

        // Then it gets all of them, and nobody gets any afterwards.
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, (await Redrive()).Redriven);
        Assert.Equal([failures[0].Id, .. failures.Select(failure => failure.Id)], sent);
        _store = _folder.Open(_time);
        Assert.Equal(0, (await Redrive()).Sent);

        ValueTask<RedriveSummary> Redrive() => new FailureRedrive(_store, _time).RunAsync(
            new RedriveOptions(),
            (failure, _) =>
            {
                sent.Add(failure.Id);
                return new(RedriveOutcome.Redriven);
            },
            Token);
    }

    [Fact]
    public async Task A_stage_redrives_its_own_failures_only_and_says_so()
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);
        var options = new RedriveOptions { Filter = new FailureFilter { Stage = "extract" } };

        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(
            async () => await stage.RedriveAsync<string>(static (_, _) => default(ValueTask), options, TestContext.Current.CancellationToken));

        Assert.Contains("orders/extract", exception.Message, StringComparison.Ordinal);
        Assert.Contains("orders/load", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_that_were_kept_as_received_are_redriven_as_received()
    {
        using PipelineStage stage = RecordStage.Create(_time, _store, options =>
            options.Recovery.Describe<byte[]>(bytes => new RecordDescription { Payload = bytes, ContentType = "application/json" }));
        await stage.ProcessAsync("{\"a\":1}"u8.ToArray(), (_, _) => throw new FormatException(), Token);
        byte[]? received = null;

        RedriveSummary summary = await stage.RedriveAsync<byte[]>(
            (bytes, _) =>
            {
                received = bytes;
                return default(ValueTask);
            },
            cancellationToken: Token);

        Assert.Equal(1, summary.Redriven);
        Assert.Equal("{\"a\":1}"u8.ToArray(), received);
    }

    [Theory]
    [InlineData(null, "its position is not known: let Recovery.Describe tell it")]
    [InlineData("q1@7", "take this one from its source (q1@7)")]
    public async Task A_record_that_was_cut_stays_open_and_the_error_says_where_to_take_it_from(string? position, string remedy)
    {
        using PipelineStage stage = RecordStage.Create(_time, _store, options =>
        {
            options.Recovery.Payload.MaxBytes = 4;
            options.Recovery.Describe<string>(_ => new RecordDescription { Position = position });
        });
        await stage.FailAsync(ErrorClassification.DataQuality, "longer than that");

        RedriveSummary summary = await Redrive(stage, succeeds: true);

        Assert.Equal((1, 1), (summary.Sent, summary.Failed));
        Assert.Contains(remedy, Assert.Single(summary.Errors).Exception.Message, StringComparison.Ordinal);
        Assert.Equal(FailureStatus.Open, Assert.Single(await Read()).Status);
    }

    [Fact]
    public async Task A_record_that_fails_again_is_the_child_of_the_one_that_was_sent_until_it_was_redriven_often_enough()
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);
        FailureRecord first = (await stage.FailAsync(ErrorClassification.Transient)).Failure!;

        // Each run sends the youngest child only.
        for (int i = 1; i <= 3; i++)
        {
            Assert.Equal(1, (await Redrive(stage, succeeds: false)).FailedAgain);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        RedriveSummary capped = await Redrive(stage, succeeds: true);

        Assert.Equal((0, 1), (capped.Sent, capped.Capped));
        List<StoredFailure> all = await Read();
        Assert.Equal([FailureStatus.Redriven, FailureStatus.Redriven, FailureStatus.Redriven, FailureStatus.Open], all.Select(failure => failure.Status));
        Assert.Equal([0, 1, 2, 3], all.Select(failure => failure.Record.RedriveCount));
        Assert.Equal([null, .. all.Select(failure => (Guid?)failure.Record.Id).SkipLast(1)], all.Select(failure => failure.Record.ParentId));
        Assert.Equal([1, 2, 3, 4], all.Select(failure => failure.Record.Attempts.Count));
        Assert.All(all, failure => Assert.Equal(first.FirstFailedAt, failure.Record.FirstFailedAt));
    }

    [Fact]
    public async Task A_redrive_that_is_done_over_after_a_crash_keeps_no_second_child()
    {
        // Given a failure whose redrive failed again, and was kept, when the process died.
        using PipelineStage stage = RecordStage.Create(_time, _store);
        FailureRecord first = (await stage.FailAsync(ErrorClassification.Transient)).Failure!;
        await _store.ClaimAsync(FailureFilter.All, 1, new FailureLease("dead", TimeSpan.FromMinutes(1)), Token);
        await stage.RedriveAsync<string>((_, _) => throw new ClassifiedException(ErrorClassification.Transient), cancellationToken: Token);
        Assert.Single(await Read());
        _time.Advance(TimeSpan.FromMinutes(1));
        var unmarked = new UnmarkingStore(_store);
        using PipelineStage crashing = RecordStage.Create(_time, unmarked);
        await Assert.ThrowsAsync<IOException>(async () => await Redrive(crashing, succeeds: false));
        Guid child = (await Read())[1].Record.Id;

        // When its lease has ended and it is sent again.
        _time.Advance(TimeSpan.FromMinutes(5));
        await stage.RedriveAsync<string>(
            (_, _) => throw new ClassifiedException(ErrorClassification.Transient), new RedriveOptions { Filter = new FailureFilter { Id = first.Id } }, Token);

        // Then there is one child still.
        Assert.Equal([first.Id, child], (await Read()).Select(failure => failure.Record.Id));
    }

    [Fact]
    public async Task A_ticket_goes_from_the_stage_through_a_persons_decision_to_its_only_resumption()
    {
        // Given three parked records, of which one is approved, one skipped, and one not decided on.
        using PipelineStage stage = RecordStage.Create(_time, _store);
        List<Guid> ids = [];
        for (int i = 0; i < 3; i++)
            ids.Add((await stage.FailAsync(ErrorClassification.BusinessRule, $"{i}")).Failure!.Id);
        var intervention = new ManualIntervention(_store, _time);
        Assert.True(await intervention.ApproveAsync(ids[0], "ada", "the customer called", Token));
        Assert.True(await intervention.SkipAsync(ids[1], "ada", "test data", Token));
        Assert.False(await intervention.ApproveAsync(ids[1], "bob", "too late", Token));

        // When the process is restarted and several resume.
        _store = _folder.Open(_time);
        intervention = new ManualIntervention(_store, _time);
        List<StoredFailure> resumed = [];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
            async () => await intervention.ResumeAsync(
                (ticket, _) =>
                {
                    lock (resumed)
                        resumed.Add(ticket);
                    return default;
                },
                cancellationToken: Token),
            Token)));

        // Then one gets the approved one, with the decision, and the undecided one waits.
        StoredFailure ticket = Assert.Single(resumed);
        Assert.Equal((ids[0], "the customer called"), (ticket.Record.Id, ticket.Decision!.Reason));
        Assert.Equal([FailureStatus.Redriven, FailureStatus.Discarded, FailureStatus.Open], (await Read()).Select(failure => failure.Status));
    }

    [Fact]
    public async Task Failures_are_discarded_in_bulk_tickets_included()
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);
        await stage.FailAsync(ErrorClassification.BusinessRule);
        await stage.FailAsync(ErrorClassification.DataQuality);

        Assert.Equal(2, await new FailureRedrive(_store, _time).DiscardAsync(FailureFilter.All, "ada", "test data", Token));

        Assert.All(await Read(), failure => Assert.Equal((FailureStatus.Discarded, "test data"), (failure.Status, failure.Resolution!.Reason)));
    }

    private static ValueTask<RedriveSummary> Redrive(PipelineStage stage, bool succeeds) => stage.RedriveAsync<string>(
        (record, _) => succeeds ? default : throw new ClassifiedException(ErrorClassification.Transient), cancellationToken: Token);

    private async Task<List<StoredFailure>> Read()
    {
        List<StoredFailure> all = [];
        await foreach (StoredFailure failure in _store.ReadAsync(FailureFilter.All, Token))
            all.Add(failure);
        return all;
    }

    /// <summary>A store that fails when a failure is to be marked, as if the process had died.</summary>
    private sealed class UnmarkingStore(IFailureStore store) : IFailureStore
    {
        public ValueTask AppendAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken) => store.AppendAsync(failures, cancellationToken);

        public IAsyncEnumerable<StoredFailure> ReadAsync(FailureFilter filter, CancellationToken cancellationToken) => store.ReadAsync(filter, cancellationToken);

        public ValueTask<IReadOnlyList<FailureGroup>> GroupAsync(FailureFilter filter, CancellationToken cancellationToken) => store.GroupAsync(filter, cancellationToken);

        public ValueTask<IReadOnlyList<StoredFailure>> ClaimAsync(FailureFilter filter, int maxCount, FailureLease lease, CancellationToken cancellationToken) =>
            store.ClaimAsync(filter, maxCount, lease, cancellationToken);

        public ValueTask<bool> ResolveAsync(Guid id, string? owner, FailureResolution resolution, CancellationToken cancellationToken) => throw new IOException("crash");

        public ValueTask<bool> DecideAsync(Guid id, FailureDecision decision, CancellationToken cancellationToken) => store.DecideAsync(id, decision, cancellationToken);

        public ValueTask<int> PurgeAsync(FailureFilter filter, CancellationToken cancellationToken) => store.PurgeAsync(filter, cancellationToken);
    }
}
