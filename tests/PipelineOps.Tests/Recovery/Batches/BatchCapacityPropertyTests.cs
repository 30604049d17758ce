using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery.Batches;

public sealed class BatchCapacityPropertyTests
{
    private static readonly Config Thoroughly = Config.QuickThrowOnFailure.WithMaxTest(1_000);

    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    [Fact]
    public void From_the_first_batch_few_calls_fail_little_is_wasted_and_half_of_the_capacity_is_used() =>
        Check.One(Thoroughly, Prop.ForAll(Sizes.Zip(Sizes).ToArbitrary(), static c =>
        {
            (int takes, int wanted) = c;
            var dependency = new Dependency(new BatchCapacity(timeProvider: new ManualTimeProvider()), takes);

            int taken = 0;
            while (taken == 0)
                taken = dependency.Call(wanted);

            Assert.True(dependency.Failures <= Math.Max(0, Math.Ceiling(Math.Log2((double)wanted / takes)) + 1));
            Assert.True(dependency.Wasted < 2L * wanted);
            Assert.True(taken >= Math.Min(wanted, takes / 2.0));
        }));

    [Fact]
    public void The_limit_becomes_exactly_the_capacity_in_few_calls() =>
        Check.One(Thoroughly, Prop.ForAll(Sizes.Zip(Sizes).ToArbitrary(), static c =>
        {
            (int takes, int wanted) = (Math.Min(c.Item1, c.Item2), Math.Max(c.Item1, c.Item2) + 1);
            var capacity = new BatchCapacity(timeProvider: new ManualTimeProvider());
            var dependency = new Dependency(capacity, takes);

            // Halving, sixteen steps at most and half of them below what fails next, then a search within one step.
            dependency.Run(wanted, (int)(Math.Log2(wanted) + 1 + 17 + Math.Log2(wanted) + 1));

            Assert.Equal(takes, capacity.Limit);
            Assert.True(dependency.Failures <= 2 * Math.Log2(wanted) + 2);
        }));

    [Fact]
    public void A_steady_dependency_sees_one_failed_try_a_period_at_most_and_fewer_with_time() =>
        Check.One(Thoroughly, Prop.ForAll(Sizes.ToArbitrary(), static takes =>
        {
            var clock = new ManualTimeProvider();
            var capacity = new BatchCapacity(timeProvider: clock);
            var dependency = new Dependency(capacity, takes);
            dependency.Run(100_000, batches: 80);
            int before = dependency.Failures;

            for (int period = 0; period < 63; period++)
            {
                int failures = dependency.Failures;
                clock.Advance(Period);
                dependency.Run(100_000, batches: 3);
                Assert.InRange(dependency.Failures, failures, failures + 1);
            }

            // After 1, 2, 4, 8, 16 and 32 periods.
            Assert.Equal(before + 6, dependency.Failures);
            Assert.Equal(takes, capacity.Limit);
        }));

    // A capacity that jumps, batches of all sizes, time that passes: what holds always, and that it is found again.
    [Fact]
    public void A_capacity_that_changes_is_followed() =>
        Check.One(Thoroughly.WithMaxTest(300), Prop.ForAll(Sizes.Zip(Sizes.ListOf(20)).Zip(Gen.Choose(1, 20)).ToArbitrary(), static c =>
        {
            ((int first, IReadOnlyCollection<int> others), int seed) = c;
            var random = new Random(seed);
            var clock = new ManualTimeProvider();
            var capacity = new BatchCapacity(timeProvider: clock);
            var dependency = new Dependency(capacity, first);
            foreach (int takes in others)
            {
                dependency.Takes = takes;
                for (int batch = 0; batch < random.Next(20); batch++)
                {
                    dependency.Call(random.Next(1, 100_000));
                    clock.Advance(TimeSpan.FromSeconds(random.Next(100)));
                    Assert.True(capacity.Limit is null or >= 1);
                }
            }

            clock.Advance(Period * 32);
            dependency.Run(100_000, batches: 150);
            Assert.Equal(dependency.Takes, capacity.Limit);
        }));

    // Every magnitude alike.
    private static Gen<int> Sizes => Gen.Choose(0, 16_000).Select(static e => (int)Math.Pow(2, e / 1_000.0));
}
