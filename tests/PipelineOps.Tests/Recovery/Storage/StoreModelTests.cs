using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery.Storage;

/// <summary>The store against a list of failures in memory.</summary>
public sealed class StoreModelTests
{
    private static readonly Config Thorough = Config.QuickThrowOnFailure.WithMaxTest(150).WithEndSize(60);
    private static readonly string?[] Owners = [null, "a", "b"];

    private enum Kind
    {
        Append,
        Claim,
        Resolve,
        Decide,
        Purge,
        Advance,
        Reopen,
    }

    private sealed record Step(Kind Kind, int A, int B, int C);

    // Few ids, stages and owners, so that steps meet.
    private static Gen<Step[]> Steps => Gen.ArrayOf(
        from kind in Gen.Frequency(
            (6, Gen.Constant(Kind.Append)), (4, Gen.Constant(Kind.Claim)), (5, Gen.Constant(Kind.Resolve)), (3, Gen.Constant(Kind.Decide)),
            (1, Gen.Constant(Kind.Purge)), (2, Gen.Constant(Kind.Advance)), (2, Gen.Constant(Kind.Reopen)))
        from a in Gen.Choose(0, 11)
        from b in Gen.Choose(0, 2)
        from c in Gen.Choose(0, 3)
        select new Step(kind, a, b, c));

    [Fact]
    public void Whatever_is_done_the_store_is_what_a_list_in_memory_is() =>
        Prop.ForAll(Steps.ToArbitrary(), static steps => Agrees(steps).GetAwaiter().GetResult()).Check(Thorough);

    private static async Task Agrees(Step[] steps)
    {
        await using TestStore test = TestStore.InMemory();
        test.Options.SegmentBytes = 4096;
        var model = new Model(test);
        int appended = 0;

        foreach (Step step in steps)
        {
            FileFailureStore store = test.Store;
            Guid id = Id(step.A);
            switch (step.Kind)
            {
                case Kind.Append:
                    FailureRecord failure = TestStore.Failure(
                        id: id, disposition: step.A % 3 == 0 ? Disposition.Parked : Disposition.DeadLettered, stage: $"stage{step.A % 2}", text: $"{appended++}", payload: step.C * 500);
                    await test.Append(failure);
                    model.Append(failure);
                    break;
                case Kind.Claim:
                    string owner = Owners[1 + step.B % 2]!;
                    var filter = new FailureFilter { Stage = step.A % 3 == 2 ? null : $"stage{step.A % 3}" };
                    Assert.Equal(model.Claim(owner, filter, step.C, minutes: 1 + step.A % 5), await test.Claim(owner, step.C, filter, 1 + step.A % 5));
                    break;
                case Kind.Resolve:
                    var resolution = new FailureResolution((FailureStatus)(step.C is 0 ? 0 : 2 + step.C % 2), "ada", test.Time.GetUtcNow(), step.C == 2 ? null : "why");
                    Assert.Equal(model.Resolve(id, Owners[step.B], resolution), await store.ResolveAsync(id, Owners[step.B], resolution, TestStore.Token));
                    break;
                case Kind.Decide:
                    var decision = new FailureDecision((FailureDecisionKind)step.B, "bob", $"reason {step.C}", test.Time.GetUtcNow());
                    Assert.Equal(model.Decide(id, decision), await store.DecideAsync(id, decision, TestStore.Token));
                    break;
                case Kind.Purge:
                    FailureFilter purged = step.C switch
                    {
                        0 => new() { Id = id },
                        1 => new() { Stage = $"stage{step.B % 2}" },
                        2 => new() { Status = FailureStatus.Redriven },
                        _ => FailureFilter.All,
                    };
                    Assert.Equal(model.Purge(purged), await store.PurgeAsync(purged, TestStore.Token));
                    break;
                case Kind.Advance:
                    test.Time.Advance(TimeSpan.FromMinutes(step.A));
                    break;
                case Kind.Reopen:
                    await test.Reopen();
                    break;
            }

            Assert.Equal(model.Snapshot(), (await test.Read()).Select(State));
        }

        await test.Reopen();
        Assert.Equal(model.Snapshot(), (await test.Read()).Select(State));
        Assert.Empty(test.Store.Damage);
    }

    private static Guid Id(int n) => new(n + 1, 0, 0, new byte[8]);

    private static object State(StoredFailure stored) => (TestStore.Text(stored.Record), stored.Status, stored.Decision, stored.Resolution, stored.LeaseExpiresAt);

    private sealed class Model(TestStore test)
    {
        private readonly List<Item> _items = [];

        private DateTimeOffset Now => test.Time.GetUtcNow();

        public IEnumerable<object> Snapshot() => _items.Select(item => State(item.At(Now)));

        public void Append(FailureRecord failure)
        {
            if (Find(failure.Id) is { Resolution: null })
                return;

            _items.RemoveAll(item => item.Record.Id == failure.Id);
            _items.Add(new Item { Record = failure });
        }

        public IEnumerable<Guid> Claim(string owner, FailureFilter filter, int count, int minutes)
        {
            Item[] claimed =
            [
                .. _items.Where(item => filter.Matches(item.At(Now)) && item.At(Now).Status == FailureStatus.Open
                    && (item.Record.Disposition != Disposition.Parked || item.Decision is not null)).Take(count),
            ];
            foreach (Item item in claimed)
                (item.Owner, item.Until) = (owner, Now.AddMinutes(minutes));
            return claimed.Select(item => item.Record.Id);
        }

        public bool Resolve(Guid id, string? owner, FailureResolution resolution)
        {
            if (Find(id) is not { Resolution: null } item)
                return false;

            bool isClaimed = item.At(Now).Status == FailureStatus.Claimed;
            if ((isClaimed ? item.Owner : null) != owner || (!isClaimed && resolution.Status == FailureStatus.Open))
                return false;

            item.Owner = null;
            if (resolution.Status != FailureStatus.Open)
                item.Resolution = resolution;
            return true;
        }

        public bool Decide(Guid id, FailureDecision decision)
        {
            if (Find(id) is not { Resolution: null, Decision: null, Record.Disposition: Disposition.Parked } item)
                return false;

            item.Decision = decision;
            if (decision.Kind == FailureDecisionKind.Skip)
                item.Resolution = new FailureResolution(FailureStatus.Discarded, decision.Actor, decision.Time, decision.Reason);
            return true;
        }

        public int Purge(FailureFilter filter) => _items.RemoveAll(item => filter.Matches(item.At(Now)) && item.At(Now).Status != FailureStatus.Claimed);

        private Item? Find(Guid id) => _items.Find(item => item.Record.Id == id);

        private sealed class Item
        {
            public required FailureRecord Record { get; init; }

            public string? Owner { get; set; }

            public DateTimeOffset Until { get; set; }

            public FailureDecision? Decision { get; set; }

            public FailureResolution? Resolution { get; set; }

            public StoredFailure At(DateTimeOffset now) =>
                Resolution is not null ? new(Record, Resolution.Status, Decision, Resolution)
                : Owner is not null && Until > now ? new(Record, FailureStatus.Claimed, Decision, null, Until)
                : new(Record, FailureStatus.Open, Decision);
        }
    }
}
