namespace PipelineOps.Tests.Recovery.Redrive;

public sealed class FailureRedriveTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly MemoryFailureStore _store;
    private readonly FailureRedrive _redrive;
    private readonly List<Guid> _sent = [];

    public FailureRedriveTests()
    {
        _store = new MemoryFailureStore(_time);
        _redrive = new FailureRedrive(_store, _time);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_invalid_option_is_listed()
    {
        var options = new RedriveOptions
        {
            Filter = null!,
            MaxCount = 0,
            MaxPerSecond = 0,
            MaxRedrives = 0,
            ClaimSize = 0,
            Lease = TimeSpan.Zero,
            MaxConsecutiveErrors = 0,
            Actor = " ",
        };

        var exception = await Assert.ThrowsAsync<InvalidOptionsException>(async () => await _redrive.RunAsync(options, Redriven, Token));

        Assert.Equal(
            [
                "Filter is null, but must be set.",
                "MaxCount is 0, but must be at least 1, or null for no limit.",
                "MaxPerSecond is 0, but must be from 0.0001 to 1000000, or null for no limit.",
                "MaxRedrives is 0, but must be at least 1.",
                "ClaimSize is 0, but must be from 1 to 10000.",
                "Lease is 00:00:00, but must be from 1 s to 1 day.",
                "MaxConsecutiveErrors is 0, but must be at least 1, or null for no limit.",
                "Actor is \" \", but must be the name of who redrives.",
            ],
            exception.Failures);
    }

    [Fact]
    public async Task A_failure_whose_processing_throws_stays_open_and_the_run_goes_on()
    {
        FailureRecord[] failures = await Stored(3);
        var error = new InvalidOperationException("no");

        RedriveSummary summary = await _redrive.RunAsync(
            new RedriveOptions(), (failure, token) => failure == failures[1] ? throw error : Redriven(failure, token), Token);

        Assert.Equal((3, 2, 1), (summary.Sent, summary.Redriven, summary.Failed));
        Assert.Equal([new RedriveError(failures[1].Id, error)], summary.Errors);
        Assert.False(summary.IsStopped);
        Assert.Equal([FailureStatus.Redriven, FailureStatus.Open, FailureStatus.Redriven], Statuses(failures));
    }

    [Fact]
    public async Task A_run_stops_when_too_many_in_a_row_throw_and_gives_the_rest_back()
    {
        // The third works, so that the row begins anew.
        FailureRecord[] failures = await Stored(10);

        RedriveSummary summary = await _redrive.RunAsync(
            new RedriveOptions { MaxConsecutiveErrors = 3 },
            (failure, token) => failure == failures[2] ? Redriven(failure, token) : throw new InvalidOperationException(),
            Token);

        Assert.True(summary.IsStopped);
        Assert.Equal((6, 1, 5), (summary.Sent, summary.Redriven, summary.Failed));
        Assert.Equal(9, Statuses(failures).Count(status => status == FailureStatus.Open));
    }

    [Fact]
    public async Task Only_the_first_hundred_errors_are_kept()
    {
        await Stored(120);

        RedriveSummary summary = await _redrive.RunAsync(
            new RedriveOptions { MaxConsecutiveErrors = null }, (_, _) => throw new InvalidOperationException(), Token);

        Assert.Equal((120, 100, false), (summary.Failed, summary.Errors.Count, summary.IsStopped));
    }

    [Fact]
    public async Task A_run_that_is_cancelled_gives_its_claims_back_and_keeps_what_it_has_done()
    {
        FailureRecord[] failures = await Stored(5);
        using var cancellation = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _redrive.RunAsync(
            new RedriveOptions(),
            async (failure, token) =>
            {
                if (failure == failures[2])
                {
                    await cancellation.CancelAsync();
                    token.ThrowIfCancellationRequested();
                }

                return RedriveOutcome.Redriven;
            },
            cancellation.Token));

        Assert.Equal([FailureStatus.Redriven, FailureStatus.Redriven, FailureStatus.Open, FailureStatus.Open, FailureStatus.Open], Statuses(failures));
    }

    [Fact]
    public async Task What_was_sent_when_the_run_is_cancelled_is_not_sent_again()
    {
        FailureRecord[] failures = await Stored(2);
        using var cancellation = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _redrive.RunAsync(
            new RedriveOptions(),
            async (_, _) =>
            {
                await cancellation.CancelAsync();
                return RedriveOutcome.Redriven;
            },
            cancellation.Token));

        Assert.Equal([FailureStatus.Redriven, FailureStatus.Open], Statuses(failures));
    }

    [Fact]
    public async Task A_run_that_is_cancelled_while_it_waits_for_its_pace_gives_its_claims_back()
    {
        FailureRecord[] failures = await Stored(3);
        using var cancellation = new CancellationTokenSource();
        ValueTask<RedriveSummary> run = _redrive.RunAsync(new RedriveOptions { MaxPerSecond = 1 }, Redriven, cancellation.Token);
        await Waiting.Until(() => _time.ActiveTimers == 1);

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.InTime());
        Assert.Equal([FailureStatus.Redriven, FailureStatus.Open, FailureStatus.Open], Statuses(failures));
    }

    [Fact]
    public async Task After_a_crash_between_sending_and_marking_a_failure_is_sent_again_with_the_same_id_once_its_lease_has_ended()
    {
        // Given a run that dies when it has sent the first of two failures: it marks nothing, and gives nothing back.
        FailureRecord[] failures = await Stored(2);
        var options = new RedriveOptions { Lease = TimeSpan.FromMinutes(1) };
        _store.BeforeResolve = static (_, _) => throw new IOException("crash");
        await Assert.ThrowsAsync<IOException>(async () => await _redrive.RunAsync(options, Redriven, Token));
        _store.BeforeResolve = null;

        // When another runs before the lease has ended, it gets nothing.
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, (await _redrive.RunAsync(options, Redriven, Token)).Sent);

        // Then both are sent when it has.
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, (await _redrive.RunAsync(options, Redriven, Token)).Redriven);
        Assert.Equal([failures[0].Id, failures[0].Id, failures[1].Id], _sent);
    }

    [Fact]
    public async Task A_failure_that_is_left_stays_open_and_is_not_sent_again_by_the_same_run()
    {
        FailureRecord[] failures = await Stored(5);

        RedriveSummary summary = await _redrive.RunAsync(new RedriveOptions { ClaimSize = 2 }, Sends(RedriveOutcome.Leave), Token);

        Assert.Equal((5, 5), (summary.Sent, summary.Left));
        Assert.Equal(failures.Select(failure => failure.Id), _sent);
        Assert.All(Statuses(failures), status => Assert.Equal(FailureStatus.Open, status));
    }

    [Fact]
    public async Task A_run_ends_even_when_what_it_has_left_becomes_free_again_under_it()
    {
        FailureRecord[] failures = await Stored(8);

        RedriveSummary summary = await _redrive.RunAsync(
            new RedriveOptions { ClaimSize = 3, Lease = TimeSpan.FromSeconds(10) },
            (failure, token) =>
            {
                _time.Advance(TimeSpan.FromSeconds(6));
                return Sends(RedriveOutcome.Leave)(failure, token);
            },
            Token);

        Assert.Equal(8, summary.Left);
        Assert.Equal(failures.Select(failure => failure.Id), _sent);
        Assert.All(Statuses(failures), status => Assert.Equal(FailureStatus.Open, status));
    }

    [Fact]
    public async Task A_failure_that_was_redriven_often_enough_stays_open_and_is_counted()
    {
        FailureRecord[] failures = Failures.Many(6, i => Failures.New(redriveCount: i));
        await _store.AppendAsync(failures, Token);

        RedriveSummary summary = await _redrive.RunAsync(new RedriveOptions { ClaimSize = 1 }, Redriven, Token);

        Assert.Equal((3, 3, 3), (summary.Sent, summary.Redriven, summary.Capped));
        Assert.Equal(failures[..3].Select(failure => failure.Id), _sent);
        Assert.Equal(FailureStatus.Open, _store[failures[5].Id].Status);
    }

    // Otherwise one run would spend all the redrives of a record whose cause is not mended yet.
    [Fact]
    public async Task What_fails_again_is_not_sent_again_by_the_same_run()
    {
        FailureRecord[] failures = await Stored(2);
        List<FailureRecord> children = [];

        RedriveSummary summary = await _redrive.RunAsync(
            new RedriveOptions { ClaimSize = 1 },
            async (failure, token) =>
            {
                FailureRecord child = Failures.New(parentId: failure.Id, redriveCount: failure.RedriveCount + 1);
                children.Add(child);
                await _store.AppendAsync([child], token);
                return RedriveOutcome.Redriven;
            },
            Token);

        Assert.Equal((2, 2), (summary.Sent, summary.Redriven));
        Assert.Equal([FailureStatus.Redriven, FailureStatus.Redriven], Statuses(failures));
        Assert.Equal([FailureStatus.Open, FailureStatus.Open], Statuses([.. children]));
        Assert.Equal(2, (await _redrive.RunAsync(new RedriveOptions(), Redriven, Token)).Redriven);
    }

    [Fact]
    public async Task A_dry_run_changes_nothing_and_says_what_would_be_sent()
    {
        FailureRecord[] failures =
        [
            Failures.New(), Failures.New(redriveCount: 3), Failures.New(Disposition.Parked), Failures.New(stage: "other"), Failures.New(), Failures.New(), Failures.New(),
        ];
        await _store.AppendAsync(failures, Token);
        await _store.ClaimAsync(new FailureFilter { Id = failures[4].Id }, 1, new FailureLease("somebody", TimeSpan.FromMinutes(1)), Token);
        StoredFailure[] before = [.. failures.Select(failure => _store[failure.Id])];
        _store.BeforeClaim = static _ => Assert.Fail("claimed");
        _store.BeforeResolve = static (_, _) => Assert.Fail("resolved");
        var filter = new FailureFilter { Stage = "load" };

        RedriveSummary summary = await _redrive.RunAsync(new RedriveOptions { DryRun = true, Filter = filter }, Redriven, Token);

        Assert.True(summary.IsDryRun);
        Assert.Equal([failures[0].Id, failures[5].Id, failures[6].Id], summary.Planned);
        Assert.Equal((3, 1), (summary.Sent, summary.Capped));
        Assert.Empty(_sent);
        Assert.Equal(before, failures.Select(failure => _store[failure.Id]));
        Assert.Equal(
            [failures[0].Id, failures[5].Id],
            (await _redrive.RunAsync(new RedriveOptions { DryRun = true, Filter = filter, MaxCount = 2 }, Redriven, Token)).Planned);
        Assert.Empty(
            (await _redrive.RunAsync(new RedriveOptions { DryRun = true, Filter = new FailureFilter { Status = FailureStatus.Claimed } }, Redriven, Token)).Planned);
    }

    [Fact]
    public async Task No_more_are_sent_or_claimed_than_asked_for()
    {
        FailureRecord[] failures = await Stored(5);
        List<int> claims = [];
        _store.BeforeClaim = claims.Add;

        RedriveSummary summary = await _redrive.RunAsync(new RedriveOptions { MaxCount = 3, ClaimSize = 2 }, Redriven, Token);

        Assert.Equal((3, 3), (summary.Sent, summary.Redriven));
        Assert.Equal([2, 1], claims);
        Assert.Equal(failures[..3].Select(failure => failure.Id), _sent);
    }

    [Fact]
    public async Task Failures_are_sent_no_faster_than_asked_for()
    {
        await Stored(4);
        List<TimeSpan> times = [];
        DateTimeOffset start = _time.GetUtcNow();
        ValueTask<RedriveSummary> run = _redrive.RunAsync(
            new RedriveOptions { MaxPerSecond = 4 },
            (_, _) =>
            {
                times.Add(_time.GetUtcNow() - start);
                return new(RedriveOutcome.Redriven);
            },
            Token);

        for (int i = 0; i < 3; i++)
            await _time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(250));

        await run.InTime();
        Assert.Equal([0, 250, 500, 750], times.Select(time => time.TotalMilliseconds));
    }

    [Fact]
    public async Task A_failure_that_takes_longer_than_its_turn_is_not_caught_up_with()
    {
        await Stored(3);
        List<TimeSpan> times = [];
        DateTimeOffset start = _time.GetUtcNow();
        ValueTask<RedriveSummary> run = _redrive.RunAsync(
            new RedriveOptions { MaxPerSecond = 1 },
            (_, _) =>
            {
                times.Add(_time.GetUtcNow() - start);
                if (times.Count == 1)
                    _time.Advance(TimeSpan.FromSeconds(10));
                return new(RedriveOutcome.Redriven);
            },
            Token);

        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        // The second is sent at once, the third a second after it, to a tick of the system's timers.
        await run.InTime();
        Assert.Equal([0, 10, 11], times.Select(time => Math.Round(time.TotalSeconds)));
    }

    [Fact]
    public async Task A_slow_redrive_keeps_its_claims()
    {
        // Given a claim of ten failures that lasts for two and a half.
        FailureRecord[] failures = await Stored(10);
        var options = new RedriveOptions { ClaimSize = 10, Lease = TimeSpan.FromSeconds(10) };
        List<Guid> stolen = [];

        // When somebody else asks for each failure while it is being processed.
        RedriveSummary summary = await _redrive.RunAsync(
            options,
            async (failure, token) =>
            {
                _time.Advance(TimeSpan.FromSeconds(4));
                stolen.AddRange(from claimed in await _store.ClaimAsync(new FailureFilter { Id = failure.Id }, 1, new FailureLease("thief", TimeSpan.FromDays(1)), token)
                                select claimed.Record.Id);
                return await Redriven(failure, token);
            },
            Token);

        // Then it gets none.
        Assert.Empty(stolen);
        Assert.Equal((10, 10, 0), (summary.Sent, summary.Redriven, summary.ClaimsLost));
        Assert.Equal(failures.Select(failure => failure.Id), _sent);
    }

    [Fact]
    public async Task A_pace_slower_than_the_lease_loses_no_claim()
    {
        FailureRecord[] failures = await Stored(3);
        ValueTask<RedriveSummary> run = _redrive.RunAsync(
            new RedriveOptions { MaxPerSecond = 0.01, Lease = TimeSpan.FromSeconds(10) }, Redriven, Token);

        for (int i = 0; i < 2; i++)
            await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(100));

        Assert.Equal((3, 0), (await run.InTime() is var summary ? (summary.Redriven, summary.ClaimsLost) : default));
        Assert.Equal(failures.Select(failure => failure.Id), _sent);
    }

    [Fact]
    public async Task A_failure_that_takes_longer_than_its_lease_is_counted_and_somebody_else_may_send_it_with_the_same_id()
    {
        FailureRecord[] failures = await Stored(1);
        var options = new RedriveOptions { Lease = TimeSpan.FromSeconds(10) };

        RedriveSummary first = await _redrive.RunAsync(
            options,
            async (failure, token) =>
            {
                _time.Advance(TimeSpan.FromSeconds(10));
                RedriveSummary second = await _redrive.RunAsync(options, Redriven, token);
                Assert.Equal(1, second.Redriven);
                return await Redriven(failure, token);
            },
            Token);

        Assert.Equal((1, 0, 1), (first.Sent, first.Redriven, first.ClaimsLost));
        Assert.Equal([failures[0].Id, failures[0].Id], _sent);
    }

    [Fact]
    public async Task Redrives_at_the_same_time_send_each_failure_once()
    {
        FailureRecord[] failures = await Stored(200);

        RedriveSummary[] summaries = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            async () => await _redrive.RunAsync(new RedriveOptions { ClaimSize = 3 }, Redriven, Token), Token)));

        Assert.Equal(200, summaries.Sum(summary => summary.Redriven));
        Assert.Equal(failures.Select(failure => failure.Id).Order(), _sent.Order());
    }

    [Fact]
    public async Task Of_parked_failures_only_those_to_be_retried_are_sent()
    {
        FailureRecord[] failures = Failures.Many(3, _ => Failures.New(Disposition.Parked));
        await _store.AppendAsync(failures, Token);
        var intervention = new ManualIntervention(_store, _time);
        await intervention.ApproveAsync(failures[0].Id, "ada", "is right", Token);
        await intervention.RetryAsync(failures[1].Id, "ada", "mended", Token);

        RedriveSummary summary = await _redrive.RunAsync(new RedriveOptions { Actor = "bob" }, Redriven, Token);

        Assert.Equal((1, 1, 1), (summary.Sent, summary.Redriven, summary.Approved));
        Assert.Equal([failures[1].Id], _sent);
        Assert.Equal([FailureStatus.Open, FailureStatus.Redriven, FailureStatus.Open], Statuses(failures));
        Assert.Equal(new FailureResolution(FailureStatus.Redriven, "bob", _time.GetUtcNow(), "mended"), _store[failures[1].Id].Resolution);
    }

    [Fact]
    public async Task An_outcome_can_discard()
    {
        FailureRecord[] failures = await Stored(1);

        RedriveSummary summary = await _redrive.RunAsync(new RedriveOptions(), Sends(RedriveOutcome.Discard), Token);

        Assert.Equal((1, 1), (summary.Sent, summary.Discarded));
        Assert.Equal(new FailureResolution(FailureStatus.Discarded, "redrive", _time.GetUtcNow()), _store[failures[0].Id].Resolution);
    }

    [Theory]
    [InlineData("", "why")]
    [InlineData("who", " ")]
    [InlineData(null, "why")]
    [InlineData("who", null)]
    public async Task Nothing_is_discarded_without_an_actor_and_a_reason(string? actor, string? reason)
    {
        FailureRecord[] failures = await Stored(1);

        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await _redrive.DiscardAsync(FailureFilter.All, actor!, reason!, Token));

        Assert.Equal([FailureStatus.Open], Statuses(failures));
    }

    [Fact]
    public async Task Open_failures_are_discarded_in_bulk_with_who_and_why()
    {
        FailureRecord[] failures = [Failures.New(), Failures.New(stage: "other"), Failures.New(), Failures.New(Disposition.Parked)];
        await _store.AppendAsync(failures, Token);
        await _store.ClaimAsync(new FailureFilter { Id = failures[2].Id }, 1, new FailureLease("somebody", TimeSpan.FromMinutes(1)), Token);

        int discarded = await _redrive.DiscardAsync(new FailureFilter { Stage = "load" }, "ada", "test data", Token);

        Assert.Equal(2, discarded);
        Assert.Equal([FailureStatus.Discarded, FailureStatus.Open, FailureStatus.Claimed, FailureStatus.Discarded], Statuses(failures));
        Assert.Equal(new FailureResolution(FailureStatus.Discarded, "ada", _time.GetUtcNow(), "test data"), _store[failures[0].Id].Resolution);
    }

    private Func<FailureRecord, CancellationToken, ValueTask<RedriveOutcome>> Sends(RedriveOutcome outcome) => (failure, _) =>
    {
        lock (_sent)
            _sent.Add(failure.Id);
        return new(outcome);
    };

    private ValueTask<RedriveOutcome> Redriven(FailureRecord failure, CancellationToken token) => Sends(RedriveOutcome.Redriven)(failure, token);

    private async Task<FailureRecord[]> Stored(int count)
    {
        FailureRecord[] failures = Failures.Many(count);
        await _store.AppendAsync(failures, Token);
        return failures;
    }

    private FailureStatus[] Statuses(FailureRecord[] failures) => [.. failures.Select(failure => _store[failure.Id].Status)];
}
