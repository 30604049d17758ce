using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery.Batches;

public sealed class BatchIsolationPropertyTests
{
    private static readonly Config Thoroughly = Config.QuickThrowOnFailure.WithMaxTest(1_000);

    private static readonly BatchOptions Unlimited = new() { MaxIsolationCalls = null };

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(12)]
    public void Every_layout_of_a_short_batch_is_found_out(int witnesses)
    {
        var options = new BatchOptions { Witnesses = witnesses };
        for (int count = 2; count <= 12; count++)
        {
            for (int layout = 1; layout < 1 << count; layout++)
            {
                bool[] bad = [.. Enumerable.Range(0, count).Select(i => (layout >> i & 1) == 1)];
                AssertFoundOut(bad, IsolationRun.Of(bad, options), witnesses);
            }
        }
    }

    [Fact]
    public void Every_layout_is_found_out_within_the_bounds() =>
        Check.One(Thoroughly, Prop.ForAll(Layouts.ToArbitrary(), static bad => AssertFoundOut(bad, IsolationRun.Of(bad, Unlimited), Unlimited.Witnesses)));

    // Random layouts stay far below the worst: here they are computed from the published rule.
    [Theory]
    [InlineData(10, 1)]
    [InlineData(100, 10)]
    [InlineData(300, 30)]
    [InlineData(1000, 16)]
    public void The_worst_of_all_layouts_is_within_the_bound(int count, int most)
    {
        for (int k = 1; k <= most; k++)
        {
            (int calls, bool[] bad) = new WorstLayout(count, k, Unlimited.Witnesses).Find();
            IsolationRun run = IsolationRun.Of(bad);

            Assert.InRange(calls, 1, Bound(count, k));
            Assert.Equal(calls, run.Isolation.Calls);
            AssertFoundOut(bad, run, Unlimited.Witnesses);
        }
    }

    [Theory]
    [InlineData(40)]
    [InlineData(100)]
    public void The_worst_of_all_layouts_is_within_twice_the_batch(int count) =>
        Assert.All(Enumerable.Range(1, count), k =>
        {
            (int calls, bool[] bad) = new WorstLayout(count, k, Unlimited.Witnesses).Find();
            Assert.InRange(calls, 1, 2 * count + 2);
            Assert.Equal(calls, IsolationRun.Of(bad).Isolation.Calls);
        });

    // The averages of the published simulation; a percent or two are chance.
    [Theory]
    [InlineData(1_000, 1, 13.6)]
    [InlineData(1_000, 5, 54)]
    [InlineData(1_000, 10, 98)]
    [InlineData(1_000, 50, 363)]
    [InlineData(1_000, 300, 1_229)]
    [InlineData(10_000, 10, 131)]
    public void It_takes_no_more_calls_than_expected_on_average(int count, int k, double expected)
    {
        var random = new Random(count + k);

        double average = Enumerable.Range(0, 150).Average(_ => IsolationRun.Of(Uniform(count, k, random)).Isolation.Calls);

        Assert.InRange(average, expected * 0.8, expected * 1.02);
    }

    [Fact]
    public void Transient_failures_convict_nobody_who_succeeds_alone_and_end_within_the_bounds() =>
        Check.One(Thoroughly, Prop.ForAll(Layouts.Zip(Gen.Choose(0, int.MaxValue)).ToArbitrary(), static c =>
        {
            (bool[] bad, int seed) = c;
            var random = new Random(seed);
            double share = random.NextDouble() * random.NextDouble();
            int transient = 1; // The first call may have been.
            IsolationRun run = new IsolationRun(new BatchIsolation(bad.Length, Unlimited), (start, length) =>
            {
                if (bad.AsSpan(start, length).Contains(true))
                    return true;
                if (random.NextDouble() >= share)
                    return false;
                transient++;
                return true;
            }).Checked();

            int faults = bad.Count(static b => b) + transient;
            Assert.InRange(run.Isolation.Calls, 1, 2 * bad.Length + 2);
            if (faults <= bad.Length / 10)
                Assert.InRange(run.Isolation.Calls, 1, Bound(bad.Length, faults));
            if (run.Isolation.Outcome == IsolationOutcome.Completed)
                Assert.Subset(run.Isolation.Poison.ToHashSet(), Enumerable.Range(0, bad.Length).Where(i => bad[i]).ToHashSet());
        }));

    // Answers of no rhyme or reason, such as calls that contradict each other: some of these searches are as long as any can be.
    [Fact]
    public void Whatever_the_calls_answer_the_search_ends() =>
        Check.One(Thoroughly, Prop.ForAll(Gen.Choose(1, 60).Zip(Gen.Choose(0, int.MaxValue)).ToArbitrary(), static c =>
        {
            var random = new Random(c.Item2);
            double share = random.NextDouble();
            IsolationRun run = new IsolationRun(new BatchIsolation(c.Item1, Unlimited), (_, _) => random.NextDouble() < share).Checked();
            Assert.InRange(run.Isolation.Calls, 1, 2 * c.Item1 + 2);
        }));

    [Fact]
    public void Limits_are_kept_and_leave_the_rest_whole() =>
        Check.One(Thoroughly, Prop.ForAll(Layouts.Zip(Limits).ToArbitrary(), static c =>
        {
            (bool[] bad, BatchOptions options) = c;
            BatchIsolation limited = IsolationRun.Of(bad, options).Isolation;
            BatchIsolation free = IsolationRun.Of(bad, new BatchOptions { MaxIsolationCalls = null, Witnesses = options.Witnesses }).Isolation;

            // A limit ends the same search earlier and changes nothing before.
            Assert.True(limited.Calls <= options.MaxIsolationCalls);
            Assert.True(limited.Poison.Count <= (options.MaxSkipped ?? int.MaxValue));
            Assert.True(limited.Poison.Count <= (options.MaxSkippedRatio ?? 1) * bad.Length + 1e-9);
            Assert.Equal(free.Poison.Take(limited.Poison.Count), limited.Poison);
            if (limited.Outcome == free.Outcome)
                Assert.Equal((free.Settled, free.Calls), (limited.Settled, limited.Calls));
            else
                Assert.True(limited.Outcome is IsolationOutcome.SkipLimitReached ? limited.Suspects.Count > 0 : limited.Calls == options.MaxIsolationCalls);
        }));

    private static Gen<BatchOptions> Limits =>
        from calls in Gen.Choose(1, 400)
        from skipped in Gen.Choose(-40, 40)
        from ratio in Gen.Choose(-40, 40)
        from witnesses in Gen.Choose(1, 5)
        select new BatchOptions
        {
            MaxIsolationCalls = calls,
            MaxSkipped = skipped < 0 ? null : skipped,
            MaxSkippedRatio = ratio < 0 ? null : ratio / 100.0,
            Witnesses = witnesses,
        };

    // Any length and share of bad records, over the whole batch, in a cluster, at an end or evenly.
    private static Gen<bool[]> Layouts =>
        from count in Gen.Frequency((1, Gen.Choose(2, 40)), (2, Gen.Choose(41, 1_200)))
        from few in Gen.Choose(0, 2)
        from k in Gen.Choose(1, few > 0 ? Math.Max(1, count / 10) : count)
        from shape in Gen.Choose(0, 4)
        from seed in Gen.Choose(0, int.MaxValue)
        select Layout(count, k, shape, new Random(seed));

    private static bool[] Layout(int count, int k, int shape, Random random)
    {
        bool[] bad = new bool[count];
        int offset = shape switch
        {
            1 => random.Next(count - k + 1),
            2 => count - k,
            _ => 0,
        };
        if (shape == 0)
            return Uniform(count, k, random);
        if (shape < 4)
            bad.AsSpan(offset, k).Fill(true);
        else
        {
            for (int i = 0; i < k; i++)
                bad[(int)((i + 0.5) * count / k)] = true;
        }

        return bad;
    }

    private static bool[] Uniform(int count, int k, Random random)
    {
        bool[] bad = new bool[count];
        bad.AsSpan(0, k).Fill(true);
        random.Shuffle(bad);
        return bad;
    }

    private static double Bound(int count, int k) => k * (Math.Log2((double)count / k) + 5) + 12;

    private static void AssertFoundOut(bool[] bad, IsolationRun run, int witnesses)
    {
        BatchIsolation it = run.Isolation;
        int k = bad.Count(static b => b);
        int leading = Array.IndexOf(bad, false) is var first and >= 0 ? first : bad.Length;
        if (leading > witnesses || leading == bad.Length)
        {
            Assert.Equal((IsolationOutcome.Systemic, 0), (it.Outcome, it.Settled));
            Assert.Empty(it.Poison);
        }
        else
        {
            Assert.Equal(IsolationOutcome.Completed, it.Outcome);
            Assert.Equal(Enumerable.Range(0, bad.Length).Where(i => bad[i]), it.Poison);
        }

        Assert.InRange(it.Calls, 1, 2 * bad.Length + 2);
        if (k > 0 && k <= bad.Length / 10)
            Assert.InRange(it.Calls, 1, Bound(bad.Length, k));
    }
}
