namespace PipelineOps.Tests.Recovery.Redrive;

public sealed class ManualInterventionTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly MemoryFailureStore _store;
    private readonly ManualIntervention _intervention;
    private readonly List<Guid> _resumed = [];

    public ManualInterventionTests()
    {
        _store = new MemoryFailureStore(_time);
        _intervention = new ManualIntervention(_store, _time);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "why", "actor")]
    [InlineData(null, "why", "actor")]
    [InlineData("who", " ", "reason")]
    [InlineData("who", null, "reason")]
    public async Task Nothing_is_decided_without_an_actor_and_a_reason(string? actor, string? reason, string parameter)
    {
        Guid id = (await Parked(1))[0];

        foreach (var decide in new[] { _intervention.ApproveAsync, _intervention.RetryAsync, _intervention.SkipAsync })
        {
            ArgumentException exception = await Assert.ThrowsAnyAsync<ArgumentException>(async () => await decide(id, actor!, reason!, Token));
            Assert.Equal(parameter, exception.ParamName);
        }

        Assert.Null(_store[id].Decision);
    }

    [Fact]
    public async Task A_decision_on_what_is_no_open_ticket_does_not_hold()
    {
        FailureRecord deadLettered = Failures.New();
        await _store.AppendAsync([deadLettered], Token);

        Assert.False(await _intervention.ApproveAsync(Guid.NewGuid(), "ada", "fine", Token));
        Assert.False(await _intervention.RetryAsync(deadLettered.Id, "ada", "fine", Token));
        Assert.False(await _intervention.SkipAsync(deadLettered.Id, "ada", "fine", Token));
    }

    [Fact]
    public async Task Of_several_decisions_the_first_holds()
    {
        Guid id = (await Parked(1))[0];

        Assert.True(await _intervention.RetryAsync(id, "ada", "mended", Token));
        Assert.False(await _intervention.SkipAsync(id, "bob", "test data", Token));

        Assert.Equal(new FailureDecision(FailureDecisionKind.Retry, "ada", "mended", _time.GetUtcNow()), _store[id].Decision);
        Assert.Equal(FailureStatus.Open, _store[id].Status);
    }

    [Fact]
    public async Task A_skipped_ticket_is_discarded_and_never_resumed()
    {
        Guid id = (await Parked(1))[0];

        Assert.True(await _intervention.SkipAsync(id, "ada", "test data", Token));

        Assert.Equal(FailureStatus.Discarded, _store[id].Status);
        Assert.Equal(0, (await _intervention.ResumeAsync(Resume, cancellationToken: Token)).Sent);
    }

    [Fact]
    public async Task Tickets_wait_until_somebody_decides()
    {
        Guid[] ids = await Parked(4);
        await _store.AppendAsync([Failures.New()], Token);
        await _intervention.ApproveAsync(ids[0], "ada", "fine", Token);
        await _intervention.SkipAsync(ids[2], "ada", "no", Token);

        List<Guid> open = [];
        await foreach (StoredFailure ticket in _intervention.ReadOpenAsync(new FailureFilter { Disposition = Disposition.DeadLettered }, Token))
            open.Add(ticket.Record.Id);

        Assert.Equal([ids[1], ids[3]], open);
        await _intervention.ResumeAsync(Resume, cancellationToken: Token);
        Assert.Equal([ids[0]], _resumed);
    }

    [Fact]
    public async Task A_ticket_is_resumed_once_with_what_was_decided()
    {
        Guid[] ids = await Parked(2);
        await _intervention.ApproveAsync(ids[0], "ada", "is right", Token);
        await _intervention.RetryAsync(ids[1], "bob", "mended", Token);
        List<FailureDecisionKind?> decisions = [];

        RedriveSummary summary = await _intervention.ResumeAsync(
            (ticket, token) =>
            {
                decisions.Add(ticket.Decision?.Kind);
                return Resume(ticket, token);
            },
            cancellationToken: Token);

        Assert.Equal((2, 2), (summary.Sent, summary.Redriven));
        Assert.Equal([FailureDecisionKind.Approve, FailureDecisionKind.Retry], decisions);
        Assert.Equal(new FailureResolution(FailureStatus.Redriven, "ada", _time.GetUtcNow(), "is right"), _store[ids[0]].Resolution);
        Assert.Equal(0, (await _intervention.ResumeAsync(Resume, cancellationToken: Token)).Sent);
        Assert.Equal(ids, _resumed);
    }

    [Fact]
    public async Task Of_those_who_resume_at_the_same_time_one_gets_each_ticket()
    {
        Guid[] ids = await Parked(100);
        foreach (Guid id in ids)
            await _intervention.RetryAsync(id, "ada", "mended", Token);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await _intervention.ResumeAsync(Resume, cancellationToken: Token), Token)));

        Assert.Equal(ids.Order(), _resumed.Order());
    }

    [Fact]
    public async Task A_ticket_whose_resumption_throws_is_offered_again_and_holds_up_no_other()
    {
        Guid[] ids = await Parked(2);
        foreach (Guid id in ids)
            await _intervention.RetryAsync(id, "ada", "mended", Token);

        RedriveSummary summary = await _intervention.ResumeAsync(
            (ticket, token) => ticket.Record.Id == ids[0] ? throw new InvalidOperationException("no") : Resume(ticket, token), cancellationToken: Token);

        Assert.Equal((2, 1, 1), (summary.Sent, summary.Redriven, summary.Failed));
        Assert.Equal("no", summary.Errors.Single().Exception.Message);
        await _intervention.ResumeAsync(Resume, cancellationToken: Token);
        Assert.Equal([ids[1], ids[0]], _resumed);
    }

    [Fact]
    public async Task After_a_crash_a_ticket_is_offered_again_with_the_same_id_once_its_lease_has_ended()
    {
        Guid id = (await Parked(1))[0];
        await _intervention.ApproveAsync(id, "ada", "fine", Token);
        _store.BeforeResolve = static (_, _) => throw new IOException("crash");
        await Assert.ThrowsAsync<IOException>(async () => await _intervention.ResumeAsync(Resume, lease: TimeSpan.FromMinutes(1), cancellationToken: Token));
        _store.BeforeResolve = null;

        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, (await _intervention.ResumeAsync(Resume, cancellationToken: Token)).Sent);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, (await _intervention.ResumeAsync(Resume, cancellationToken: Token)).Redriven);

        Assert.Equal([id, id], _resumed);
    }

    [Fact]
    public async Task A_lease_out_of_range_is_refused() =>
        Assert.Contains("Lease", (await Assert.ThrowsAsync<InvalidOptionsException>(
            async () => await _intervention.ResumeAsync(Resume, lease: TimeSpan.Zero, cancellationToken: Token))).Message, StringComparison.Ordinal);

    private ValueTask Resume(StoredFailure ticket, CancellationToken token)
    {
        lock (_resumed)
            _resumed.Add(ticket.Record.Id);
        return default;
    }

    private async Task<Guid[]> Parked(int count)
    {
        FailureRecord[] failures = Failures.Many(count, _ => Failures.New(Disposition.Parked));
        await _store.AppendAsync(failures, Token);
        return [.. failures.Select(failure => failure.Id)];
    }
}
