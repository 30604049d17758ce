namespace PipelineOps.Tests.Recovery.Storage;

public sealed class FailureClaimTests
{
    [Fact]
    public async Task Nothing_is_claimed_where_nothing_matches_or_nothing_is_asked_for()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());

        Assert.Empty(await test.Claim(filter: new FailureFilter { Stage = "no" }));
        Assert.Empty(await test.Claim(maxCount: 0));
        Assert.Empty(await test.Claim(filter: new FailureFilter { Status = FailureStatus.Claimed }));
    }

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("a", 0, 1)]
    [InlineData("a", 1, -1)]
    public async Task A_claim_without_an_owner_or_a_duration_or_of_fewer_than_none_is_refused(string owner, int minutes, int maxCount)
    {
        await using var test = new TestStore();
        await Assert.ThrowsAnyAsync<ArgumentException>(() => test.Claim(owner, maxCount, minutes: minutes));
    }

    [Fact]
    public async Task What_is_claimed_is_nobody_elses_until_the_lease_expires()
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(5)]);
        Guid[] ids = await test.Ids();

        Assert.Equal(ids[..2], await test.Claim("a", maxCount: 2));
        Assert.Equal(ids[2..], await test.Claim("b"));
        Assert.Empty(await test.Claim("c"));
        Assert.Equal(test.Time.GetUtcNow().AddMinutes(5), (await test.Read(ids[0])).LeaseExpiresAt);

        test.Time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal(FailureStatus.Open, (await test.Read(ids[0])).Status);
        Assert.Null((await test.Read(ids[0])).LeaseExpiresAt);
        Assert.Equal(ids, await test.Claim("c"));
    }

    [Fact]
    public async Task Claims_survive_reopening_and_still_expire()
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(2)]);
        Guid[] claimed = await test.Claim("a", maxCount: 1);
        await test.Reopen();

        Assert.Equal(FailureStatus.Claimed, (await test.Read(claimed[0])).Status);
        Assert.Single(await test.Claim("b"));
        Assert.False(await test.Store.ResolveAsync(claimed[0], "b", test.As(FailureStatus.Redriven), TestStore.Token));

        test.Time.Advance(TimeSpan.FromMinutes(5));
        await test.Reopen();
        Assert.Equal(2, (await test.Claim("c")).Length);
    }

    [Fact]
    public async Task A_lease_may_last_for_ever()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());

        StoredFailure claimed = Assert.Single(await test.Store.ClaimAsync(FailureFilter.All, 1, new FailureLease("a", TimeSpan.MaxValue), TestStore.Token));

        Assert.Equal(DateTimeOffset.MaxValue, claimed.LeaseExpiresAt);
        await test.Reopen();
        Assert.Empty(await test.Claim("b"));
    }

    [Fact]
    public async Task Only_its_owner_resolves_a_claimed_failure_and_only_once()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());
        Guid id = Assert.Single(await test.Claim("a"));

        Assert.False(await Resolve(id, "b"));
        Assert.False(await Resolve(id, null));
        Assert.False(await Resolve(Guid.NewGuid(), "a"));
        Assert.True(await Resolve(id, "a", reason: "sent again"));
        Assert.False(await Resolve(id, "a"));
        Assert.False(await Resolve(id, null));

        await test.Reopen();
        StoredFailure stored = await test.Read(id);
        Assert.Equal(FailureStatus.Redriven, stored.Status);
        Assert.Equal(test.As(FailureStatus.Redriven, "sent again"), stored.Resolution);
        Assert.Empty(await test.Claim("c"));

        Task<bool> Resolve(Guid failure, string? owner, string? reason = null) =>
            test.Store.ResolveAsync(failure, owner, test.As(FailureStatus.Redriven, reason), TestStore.Token).AsTask();
    }

    [Fact]
    public async Task Whose_lease_has_expired_has_no_claim_to_resolve()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());
        Guid id = Assert.Single(await test.Claim("a"));
        test.Time.Advance(TimeSpan.FromMinutes(5));

        Assert.False(await test.Store.ResolveAsync(id, "a", test.As(FailureStatus.Redriven), TestStore.Token));
        Assert.True(await test.Store.ResolveAsync(id, null, test.As(FailureStatus.Discarded), TestStore.Token));
    }

    [Fact]
    public async Task A_claim_that_is_given_back_is_open_for_others_and_what_nobody_claimed_cannot_be_given_back()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());
        Guid id = Assert.Single(await test.Claim("a"));

        Assert.False(await test.Store.ResolveAsync(id, "b", test.As(FailureStatus.Open), TestStore.Token));
        Assert.True(await test.Store.ResolveAsync(id, "a", test.As(FailureStatus.Open), TestStore.Token));
        Assert.False(await test.Store.ResolveAsync(id, null, test.As(FailureStatus.Open), TestStore.Token));

        await test.Reopen();
        Assert.Equal(FailureStatus.Open, (await test.Read(id)).Status);
        Assert.Equal([id], await test.Claim("b"));
    }

    [Fact]
    public async Task A_failure_is_not_resolved_as_claimed()
    {
        await using var test = new TestStore();
        await Assert.ThrowsAsync<ArgumentException>(() => test.Store.ResolveAsync(Guid.NewGuid(), null, test.As(FailureStatus.Claimed), TestStore.Token).AsTask());
    }

    [Fact]
    public async Task A_parked_failure_is_claimed_only_after_somebody_decided_and_the_first_decision_holds()
    {
        await using var test = new TestStore();
        FailureRecord approved = TestStore.Failure(disposition: Disposition.Parked);
        FailureRecord undecided = TestStore.Failure(disposition: Disposition.Parked);
        FailureRecord skipped = TestStore.Failure(disposition: Disposition.Parked);
        FailureRecord dead = TestStore.Failure();
        await test.Append(approved, undecided, skipped, dead);

        Assert.True(await Decide(approved.Id, FailureDecisionKind.Approve));
        Assert.False(await Decide(approved.Id, FailureDecisionKind.Skip));
        Assert.True(await Decide(skipped.Id, FailureDecisionKind.Skip));
        Assert.False(await Decide(skipped.Id, FailureDecisionKind.Retry));
        Assert.False(await Decide(dead.Id, FailureDecisionKind.Retry));
        Assert.False(await Decide(Guid.NewGuid(), FailureDecisionKind.Retry));
        await test.Reopen();

        Assert.Equal(test.Decision(FailureDecisionKind.Approve), (await test.Read(approved.Id)).Decision);
        StoredFailure gone = await test.Read(skipped.Id);
        Assert.Equal(FailureStatus.Discarded, gone.Status);
        Assert.Equal(test.As(FailureStatus.Discarded, "because"), gone.Resolution);
        Assert.Equal([approved.Id, dead.Id], await test.Claim());
        Assert.False(await Decide(approved.Id, FailureDecisionKind.Retry));

        Task<bool> Decide(Guid id, FailureDecisionKind kind) => test.Store.DecideAsync(id, test.Decision(kind), TestStore.Token).AsTask();
    }

    [Fact]
    public async Task A_parked_failure_that_was_discarded_takes_no_decision()
    {
        await using var test = new TestStore();
        FailureRecord parked = TestStore.Failure(disposition: Disposition.Parked);
        await test.Append(parked);

        Assert.True(await test.Store.ResolveAsync(parked.Id, null, test.As(FailureStatus.Discarded), TestStore.Token));
        Assert.False(await test.Store.DecideAsync(parked.Id, test.Decision(FailureDecisionKind.Approve), TestStore.Token));
    }

    [Fact]
    public async Task A_claimed_failure_is_never_purged()
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(3)]);
        Guid[] claimed = await test.Claim(maxCount: 1);

        Assert.Equal(2, await test.Store.PurgeAsync(FailureFilter.All, TestStore.Token));
        Assert.Equal(claimed, await test.Ids());

        test.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(1, await test.Store.PurgeAsync(FailureFilter.All, TestStore.Token));
        await test.Reopen();
        Assert.Empty(await test.Ids());
    }

    [Fact]
    public async Task What_was_purged_may_be_appended_again()
    {
        await using var test = new TestStore();
        FailureRecord failure = TestStore.Failure();
        await test.Append(failure, TestStore.Failure());
        await test.Store.ResolveAsync(failure.Id, null, test.As(FailureStatus.Redriven), TestStore.Token);
        await test.Store.PurgeAsync(new FailureFilter { Id = failure.Id }, TestStore.Token);
        FailureRecord again = failure with { Stack = "again" };

        await test.Append(again);
        await test.Reopen();

        StoredFailure stored = await test.Read(failure.Id);
        Assert.Equal(FailureStatus.Open, stored.Status);
        Assert.Equal(TestStore.Text(again), TestStore.Text(stored.Record));
    }
}
