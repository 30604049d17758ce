using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery.Redrive;

public sealed class RedriveModelTests
{
    private static readonly Gen<Plan> Plans =
        from count in Gen.Choose(0, 30)
        from fates in Gen.Elements(Enum.GetValues<Fate>()).ArrayOf(count)
        from seconds in Gen.Elements(0, 0, 1, 4).ArrayOf(count)
        from claimSize in Gen.Choose(1, 12)
        from maxCount in Gen.OneOf(Gen.Constant<int?>(null), Gen.Choose(1, 30).Select(static n => (int?)n))
        select new Plan(fates, seconds, claimSize, maxCount);

    private enum Fate
    {
        Redriven,
        Discard,
        Leave,
        Throw,
        FailAgain,
        Capped,
    }

    // However long records take within half a lease, whatever becomes of them and however they are claimed.
    [Fact]
    public void Each_failure_is_sent_at_most_once_in_order_and_ends_as_its_outcome_says() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(
            Plans.ToArbitrary(), static plan => plan.HoldsAsync(static time => new MemoryFailureStore(time)).GetAwaiter().GetResult()));

    [Fact]
    public void So_it_is_with_a_store_of_files() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(15), Prop.ForAll(Plans.ToArbitrary(), static plan =>
        {
            using var folder = new StoreFolder();
            return plan.HoldsAsync(folder.Open).GetAwaiter().GetResult();
        }));

    private sealed record Plan(Fate[] Fates, int[] Seconds, int ClaimSize, int? MaxCount)
    {
        public async Task<bool> HoldsAsync(Func<TimeProvider, IFailureStore> open)
        {
            // Given
            var time = new ManualTimeProvider();
            IFailureStore store = open(time);
            FailureRecord[] failures = Failures.Many(Fates.Length, i => Failures.New(redriveCount: Fates[i] == Fate.Capped ? 3 : 0));
            await store.AppendAsync(failures);
            List<int> sent = [];

            // When
            RedriveSummary summary = await new FailureRedrive(store, time).RunAsync(
                new RedriveOptions { ClaimSize = ClaimSize, MaxCount = MaxCount, Lease = TimeSpan.FromSeconds(9), MaxConsecutiveErrors = null },
                async (failure, token) =>
                {
                    int i = Array.FindIndex(failures, other => other.Id == failure.Id);
                    sent.Add(i);
                    time.Advance(TimeSpan.FromSeconds(Seconds[i]));
                    if (Fates[i] == Fate.FailAgain)
                        await store.AppendAsync([Failures.New(parentId: failure.Id, redriveCount: 1)], token);
                    return Fates[i] switch
                    {
                        Fate.Throw => throw new InvalidOperationException(),
                        Fate.Discard => RedriveOutcome.Discard,
                        Fate.Leave => RedriveOutcome.Leave,
                        _ => RedriveOutcome.Redriven,
                    };
                });

            // Then
            Dictionary<Guid, FailureStatus> statuses = [];
            await foreach (StoredFailure failure in store.ReadAsync(FailureFilter.All))
                statuses.Add(failure.Record.Id, failure.Status);
            int[] expected = [.. Enumerable.Range(0, Fates.Length).Where(i => Fates[i] != Fate.Capped).Take(MaxCount ?? int.MaxValue)];
            return sent.SequenceEqual(expected)
                && summary.Sent == sent.Count
                && summary.Redriven == sent.Count(i => Fates[i] is Fate.Redriven or Fate.FailAgain)
                && summary.Discarded == sent.Count(i => Fates[i] == Fate.Discard)
                && summary.Left == sent.Count(i => Fates[i] == Fate.Leave)
                && summary.Failed == sent.Count(i => Fates[i] == Fate.Throw)
                && summary.ClaimsLost == 0
                && (MaxCount is not null || summary.Capped == Fates.Count(fate => fate == Fate.Capped))
                && Enumerable.Range(0, Fates.Length).All(i => statuses[failures[i].Id] == StatusOf(i, sent.Contains(i)));
        }

        private FailureStatus StatusOf(int failure, bool sent) => Fates[failure] switch
        {
            Fate.Redriven or Fate.FailAgain when sent => FailureStatus.Redriven,
            Fate.Discard when sent => FailureStatus.Discarded,
            _ => FailureStatus.Open,
        };
    }
}
