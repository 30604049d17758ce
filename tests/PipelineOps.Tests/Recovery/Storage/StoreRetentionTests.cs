namespace PipelineOps.Tests.Recovery.Storage;

public sealed class StoreRetentionTests
{
    [Fact]
    public async Task A_store_that_is_full_refuses_appends_and_takes_them_again_after_a_purge()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        test.Options.MaxBytes = 16 << 10;
        int kept = 0;

        var exception = await Assert.ThrowsAsync<FailureStoreFullException>(async () =>
        {
            for (; kept < 100; kept++)
                await test.Append(TestStore.Failure(payload: 500));
        });

        Assert.Contains(test.Folder, exception.Message, StringComparison.Ordinal);
        Assert.Contains("MaxBytes allows (16384)", exception.Message, StringComparison.Ordinal);
        Assert.InRange(kept, 10, 30);
        Assert.Equal(kept, (await test.Ids()).Length);
        Assert.InRange(test.Files.Sum(file => new FileInfo(file).Length), 14 << 10, 16 << 10);

        // What leads out of it is still taken.
        Guid[] claimed = await test.Claim(maxCount: 5);
        Assert.True(await test.Store.ResolveAsync(claimed[0], "redrive", test.As(FailureStatus.Redriven), TestStore.Token));
        Assert.Equal(kept - 4, await test.Store.PurgeAsync(FailureFilter.All, TestStore.Token));
        await test.Append(TestStore.Failure(payload: 500));
        await test.Reopen();
        Assert.Equal(5, (await test.Ids()).Length);
    }

    [Fact]
    public async Task A_store_that_is_full_makes_room_by_what_retention_allows()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        test.Options.MaxBytes = 16 << 10;
        test.Options.RetainResolved = TimeSpan.FromHours(1);
        List<Guid> open = [];
        for (int i = 0; i < 60; i++)
        {
            FailureRecord failure = TestStore.Failure(payload: 500);
            await test.Append(failure);
            test.Time.Advance(TimeSpan.FromMinutes(10));
            if (i % 10 == 0)
                open.Add(failure.Id);
            else
                Assert.True(await test.Store.ResolveAsync(failure.Id, null, test.As(FailureStatus.Discarded), TestStore.Token));
        }

        Assert.Equal(open, await test.Ids(new FailureFilter { Status = FailureStatus.Open }));
        await test.Reopen();
        Assert.Equal(open, await test.Ids(new FailureFilter { Status = FailureStatus.Open }));
    }

    [Fact]
    public async Task Nothing_unresolved_is_ever_deleted_unless_that_is_asked_for()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        test.Options.RetainResolved = TimeSpan.Zero;
        List<FailureRecord> failures = TestStore.Failures(30, payload: 500);
        foreach (FailureRecord failure in failures)
            await test.Append(failure);
        await test.Claim(maxCount: 3);
        test.Time.Advance(TimeSpan.FromDays(10_000));

        await test.Reopen();

        Assert.Equal(failures.Select(TestStore.Text), (await test.Read()).Select(stored => TestStore.Text(stored.Record)));
    }

    [Fact]
    public async Task Files_are_begun_by_size_and_none_is_larger()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        foreach (FailureRecord failure in TestStore.Failures(30, payload: 500))
            await test.Append(failure);

        Assert.InRange(test.Files.Count, 5, 15);
        Assert.All(test.Files, file => Assert.InRange(new FileInfo(file).Length, 1, 4096));
        await test.Reopen();
        Assert.Equal(30, (await test.Ids()).Length);
    }

    [Fact]
    public async Task Files_are_begun_by_age_also_across_reopening()
    {
        await using var test = new TestStore();
        test.Options.SegmentAge = TimeSpan.FromHours(1);
        await test.Append(TestStore.Failure());
        test.Time.Advance(TimeSpan.FromMinutes(59));
        await test.Reopen();
        await test.Append(TestStore.Failure());
        Assert.Single(test.Files);

        test.Time.Advance(TimeSpan.FromMinutes(1));
        await test.Append(TestStore.Failure());
        Assert.Equal(2, test.Files.Count);
        Assert.Equal(3, (await test.Ids()).Length);
    }

    [Fact]
    public async Task Resolved_failures_go_after_their_time_when_the_store_is_opened_and_their_files_with_them()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        test.Options.RetainResolved = TimeSpan.FromDays(7);
        foreach (FailureRecord failure in TestStore.Failures(20, payload: 500))
            await test.Append(failure);
        Guid[] ids = await test.Ids();
        foreach (Guid id in ids[..^1])
            await test.Store.ResolveAsync(id, null, test.As(FailureStatus.Redriven), TestStore.Token);

        test.Time.Advance(TimeSpan.FromDays(7) - TimeSpan.FromTicks(1));
        await test.Reopen();
        Assert.Equal(ids, await test.Ids());

        test.Time.Advance(TimeSpan.FromTicks(1));
        await test.Reopen();
        Assert.Equal(ids[^1..], await test.Ids());
        Assert.InRange(test.Files.Sum(file => new FileInfo(file).Length), 1, 8192);
        await test.Reopen();
        Assert.Equal(ids[^1..], await test.Ids());
    }

    [Fact]
    public async Task Resolved_failures_go_after_their_time_when_a_file_is_begun()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        test.Options.RetainResolved = TimeSpan.FromHours(1);
        FailureRecord old = TestStore.Failure(payload: 3000);
        await test.Append(old);
        await test.Store.ResolveAsync(old.Id, null, test.As(FailureStatus.Discarded), TestStore.Token);
        string first = test.Files[0];
        test.Time.Advance(TimeSpan.FromHours(1));

        await test.Append(TestStore.Failure(payload: 3000));

        // On another thread, beside the appends.
        await Waiting.Until(() => !File.Exists(first));
        Assert.DoesNotContain(old.Id, await test.Ids());
    }

    [Fact]
    public async Task Everything_goes_after_its_time_if_that_is_asked_for_except_what_is_claimed()
    {
        await using var test = new TestStore();
        test.Options.RetainAll = TimeSpan.FromDays(1);
        await test.Append(TestStore.Failure(), TestStore.Failure(), TestStore.Failure(at: test.Time.GetUtcNow().AddHours(1)));
        Guid[] ids = await test.Ids();
        await test.Claim(maxCount: 1, minutes: 24 * 60 + 30);
        test.Time.Advance(TimeSpan.FromDays(1));

        await test.Reopen();
        Assert.Equal([ids[0], ids[2]], await test.Ids());

        test.Time.Advance(TimeSpan.FromHours(1));
        await test.Reopen();
        Assert.Empty(await test.Ids());
    }

    [Fact]
    public async Task What_stays_of_a_purged_file_keeps_its_place_and_its_state()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 8192;
        List<FailureRecord> failures = [.. Enumerable.Range(0, 60).Select(i => TestStore.Failure(disposition: i % 2 == 0 ? Disposition.Parked : Disposition.DeadLettered, stage: i % 6 == 0 ? "keep" : "load", payload: 500))];
        foreach (FailureRecord failure in failures)
            await test.Append(failure);
        FailureRecord[] stay = [.. failures.Where(failure => failure.Stage == "keep")];
        await test.Store.DecideAsync(stay[0].Id, test.Decision(FailureDecisionKind.Approve), TestStore.Token);
        await test.Store.DecideAsync(stay[1].Id, test.Decision(FailureDecisionKind.Retry, "mended"), TestStore.Token);
        await test.Store.DecideAsync(stay[2].Id, test.Decision(FailureDecisionKind.Skip), TestStore.Token);
        await test.Claim("a", filter: new FailureFilter { Id = stay[1].Id }, minutes: 60);
        long before = test.Files.Sum(file => new FileInfo(file).Length);

        Assert.Equal(50, await test.Store.PurgeAsync(new FailureFilter { Stage = "load" }, TestStore.Token));
        List<StoredFailure> expected = await test.Read();
        Assert.Equal(stay.Select(TestStore.Text), expected.Select(stored => TestStore.Text(stored.Record)));
        Assert.InRange(test.Files.Sum(file => new FileInfo(file).Length), 1, before / 2);

        await test.Reopen();
        List<StoredFailure> read = await test.Read();
        Assert.Equal(expected.Select(State), read.Select(State));
        Assert.Equal(FailureStatus.Claimed, read[1].Status);
        Assert.Equal(0, await test.Store.PurgeAsync(new FailureFilter { Stage = "load" }, TestStore.Token));

        static object State(StoredFailure stored) => (stored.Record.Id, stored.Status, stored.Decision, stored.Resolution, stored.LeaseExpiresAt);
    }

    [Fact]
    public async Task What_was_purged_stays_so_when_the_line_that_says_it_is_in_a_file_that_is_rewritten()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 8192;
        List<FailureRecord> first = [.. Enumerable.Range(0, 7).Select(_ => TestStore.Failure(stage: "keep", payload: 500))];
        await test.Append([.. first]);
        await test.Append([.. TestStore.Failures(3, payload: 500)]);
        Assert.Equal(2, test.Files.Count);
        string oldest = test.Files[0];

        // Too little of the first file for it to be rewritten; said in the second one, of which nothing else is needed in the end.
        await test.Store.PurgeAsync(new FailureFilter { Id = first[1].Id }, TestStore.Token);
        await test.Append([.. TestStore.Failures(3, payload: 500)]);
        await test.Store.PurgeAsync(new FailureFilter { Stage = "load" }, TestStore.Token);
        await test.Reopen();
        await test.Append(TestStore.Failure(stage: "keep", payload: 7000));
        await test.Reopen();

        Assert.Contains(oldest, test.Files);
        Assert.Equal(first.Where(failure => failure != first[1]).Select(failure => failure.Id), (await test.Ids()).SkipLast(1));

        // When the line of the failure goes at last, so does the one that says so.
        await test.Store.PurgeAsync(FailureFilter.All, TestStore.Token);
        await test.Append(TestStore.Failure(payload: 7000));
        await test.Reopen();
        Assert.Single(await test.Ids());
        Assert.DoesNotContain(first[1].Id.ToString(), string.Concat(test.Files.Select(File.ReadAllText)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Claims_that_come_and_go_do_not_fill_the_disk()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        await test.Append(TestStore.Failure());
        for (int i = 0; i < 200; i++)
        {
            Guid[] claimed = await test.Claim("a", minutes: 1);
            await test.Store.ResolveAsync(claimed[0], "a", test.As(FailureStatus.Open), TestStore.Token);
            test.Time.Advance(TimeSpan.FromMinutes(1));
        }

        await test.Reopen();
        Assert.InRange(test.Files.Sum(file => new FileInfo(file).Length), 1, 3 * 4096);
        Assert.Single(await test.Claim());
    }
}
