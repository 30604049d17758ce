namespace PipelineOps.Tests.Recovery.Storage;

public sealed class StoreConcurrencyTests
{
    private const int Writers = 64;

    [Fact]
    public async Task What_64_writers_appended_is_there_after_reopening()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 64 << 10;
        FileFailureStore store = test.Store;
        FailureRecord[] shared = [.. TestStore.Failures(20)];

        List<Guid>[] written = await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            List<Guid> ids = [];
            for (int i = 0; i < 20; i++)
            {
                // Each also appends what all others do.
                FailureRecord own = TestStore.Failure(text: $"{writer} {i}");
                await store.AppendAsync([own, shared[i]], TestStore.Token);
                ids.Add(own.Id);
            }

            return ids;
        })));

        Guid[] expected = [.. written.SelectMany(ids => ids).Concat(shared.Select(failure => failure.Id)).Order()];
        Assert.Equal(expected, (await test.Ids()).Order());
        await test.Reopen();
        Assert.Equal(expected, (await test.Ids()).Order());
        Assert.Empty(test.Store.Damage);
    }

    [Fact]
    public async Task Of_many_who_claim_at_once_each_failure_goes_to_one()
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(1_000)]);

        Guid[][] claimed = await Task.WhenAll(Enumerable.Range(0, 32).Select(owner => Task.Run(async () =>
        {
            List<Guid> all = [];
            while (await test.Claim($"owner{owner}", maxCount: 7) is { Length: > 0 } some)
                all.AddRange(some);
            return all.ToArray();
        })));

        Assert.Equal((await test.Ids()).Order(), claimed.SelectMany(ids => ids).Order());
    }

    [Fact]
    public async Task Of_many_who_decide_or_resolve_at_once_one_does()
    {
        await using var test = new TestStore();
        FailureRecord parked = TestStore.Failure(disposition: Disposition.Parked);
        FailureRecord open = TestStore.Failure();
        await test.Append(parked, open);
        FileFailureStore store = test.Store;

        bool[] decided = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(() =>
            store.DecideAsync(parked.Id, test.Decision(FailureDecisionKind.Approve, $"{i}"), TestStore.Token).AsTask())));
        bool[] resolved = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(() =>
            store.ResolveAsync(open.Id, null, test.As(FailureStatus.Discarded, $"{i}"), TestStore.Token).AsTask())));

        Assert.Equal($"{Array.IndexOf(decided, true)}", (await test.Read(parked.Id)).Decision!.Reason);
        Assert.Equal($"{Array.IndexOf(resolved, true)}", (await test.Read(open.Id)).Resolution!.Reason);
        Assert.Single(decided, true);
        Assert.Single(resolved, true);
    }

    [Fact]
    public async Task Reading_and_purging_go_on_beside_appends()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 8 << 10;
        FileFailureStore store = test.Store;
        bool isOver = false;
        Guid[] keep = [.. TestStore.Failures(10).Select(failure => failure.Id)];

        Task appending = Task.Run(async () =>
        {
            for (int i = 0; i < 200; i++)
            {
                FailureRecord failure = TestStore.Failure(stage: i % 20 == 0 ? "keep" : "load", payload: 500);
                await store.AppendAsync([i % 20 == 0 ? failure with { Id = keep[i / 20] } : failure], TestStore.Token);
            }

            Volatile.Write(ref isOver, true);
        }, TestStore.Token);
        Task purging = Task.Run(async () =>
        {
            while (!Volatile.Read(ref isOver))
                await store.PurgeAsync(new FailureFilter { Stage = "load" }, TestStore.Token);
        }, TestStore.Token);
        Task reading = Task.Run(async () =>
        {
            while (!Volatile.Read(ref isOver))
                Assert.All(await TestStore.Read(store), stored => Assert.Equal("orders", stored.Record.Pipeline));
        }, TestStore.Token);
        await Task.WhenAll(appending, purging, reading).WaitAsync(TimeSpan.FromSeconds(30), TestStore.Token);

        await store.PurgeAsync(new FailureFilter { Stage = "load" }, TestStore.Token);
        Assert.Equal(keep, await test.Ids());
        await test.Reopen();
        Assert.Equal(keep, await test.Ids());
        Assert.Empty(test.Store.Damage);
    }
}
