namespace PipelineOps.Tests.Recovery.Batches;

public sealed class BatchIsolationTests
{
    private static readonly BatchOptions Unlimited = new() { MaxIsolationCalls = null };

    [Fact]
    public void Every_invalid_option_is_listed()
    {
        var options = new BatchOptions { MaxIsolationCalls = 0, IsolationTimeout = TimeSpan.Zero, MaxSkipped = -1, MaxSkippedRatio = 1.1, Witnesses = 0 };

        var exception = Assert.Throws<InvalidOptionsException>(() => new BatchIsolation(10, options));

        Assert.Equal(
            ["MaxIsolationCalls", "IsolationTimeout", "MaxSkipped", "MaxSkippedRatio", "Witnesses"],
            exception.Failures.Select(static f => f.Split(' ')[0]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_batch_without_records_is_refused(int count) => Assert.Throws<ArgumentOutOfRangeException>(() => new BatchIsolation(count));

    [Fact]
    public void A_call_that_is_not_under_way_cannot_be_reported()
    {
        var isolation = new BatchIsolation(4);
        Assert.Throws<InvalidOperationException>(isolation.Succeeded);
        Assert.Throws<InvalidOperationException>(() => isolation.Failed());

        Assert.True(isolation.TryGetNext(out _, out _));
        isolation.Succeeded();

        Assert.Throws<InvalidOperationException>(isolation.Succeeded);
        Assert.Equal((2, 2), (isolation.Calls, isolation.Settled));
    }

    [Fact]
    public void Asked_twice_for_the_next_call_it_names_the_same()
    {
        var clock = new ManualTimeProvider();
        var isolation = new BatchIsolation(10, new BatchOptions { IsolationTimeout = TimeSpan.FromSeconds(1) }, clock);

        Assert.True(isolation.TryGetNext(out int start, out int length));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(isolation.TryGetNext(out int startAgain, out int lengthAgain));

        Assert.Equal((0, 5, 0, 5), (start, length, startAgain, lengthAgain));
        Assert.Equal(1, isolation.Calls);
    }

    [Fact]
    public void Options_changed_later_have_no_effect()
    {
        var options = new BatchOptions { MaxSkipped = 1 };
        var isolation = new BatchIsolation(4, options);
        options.MaxSkipped = 0;

        IsolationRun run = new IsolationRun(isolation, static (start, length) => start == 0).Checked();

        Assert.Equal(IsolationOutcome.Completed, run.Isolation.Outcome);
        Assert.Equal([0], run.Isolation.Poison);
    }

    [Fact]
    public void A_batch_of_one_has_no_witness_and_is_left_to_its_caller()
    {
        IsolationRun run = IsolationRun.Of([true]);

        Assert.Equal(IsolationOutcome.Systemic, run.Isolation.Outcome);
        Assert.Equal([0], run.Isolation.Suspects);
        Assert.Equal((1, 0), (run.Isolation.Calls, run.Isolation.Settled));
    }

    [Theory]
    [InlineData(2, 3, 2)]
    [InlineData(3, 3, 3)]
    [InlineData(4, 3, 4)]
    [InlineData(5, 3, 4)]
    [InlineData(1000, 3, 4)]
    [InlineData(1000, 1, 2)]
    [InlineData(1000, 20, 21)]
    public void Where_nothing_succeeds_nothing_is_convicted_and_the_batch_stays_whole(int count, int witnesses, int suspects)
    {
        bool[] bad = new bool[count];
        Array.Fill(bad, true);

        IsolationRun run = IsolationRun.Of(bad, new BatchOptions { Witnesses = witnesses });

        Assert.Equal(IsolationOutcome.Systemic, run.Isolation.Outcome);
        Assert.Empty(run.Isolation.Poison);
        Assert.Equal(0, run.Isolation.Settled);
        Assert.Equal(Enumerable.Range(0, suspects), run.Isolation.Suspects);

        // Each halving, each suspect and the whole batch.
        Assert.Equal((int)Math.Log2(count) + suspects, run.Isolation.Calls);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 3)]
    [InlineData(1000, 1)]
    [InlineData(1000, 2)]
    [InlineData(1000, 3)]
    public void One_witness_that_succeeds_convicts_the_suspects_before_it(int count, int leading)
    {
        bool[] bad = new bool[count];
        bad.AsSpan(0, leading).Fill(true);

        IsolationRun run = IsolationRun.Of(bad);

        Assert.Equal(IsolationOutcome.Completed, run.Isolation.Outcome);
        Assert.Equal(Enumerable.Range(0, leading), run.Isolation.Poison);
        Assert.Contains((leading, 1, false), run.Calls);
    }

    [Fact]
    public void Suspects_wait_for_a_witness()
    {
        var isolation = new BatchIsolation(2);

        Fail(isolation, 0, 1);
        Assert.Equal([0], isolation.Suspects);
        Assert.Empty(isolation.Poison);
        Assert.Equal(0, isolation.Settled);

        Succeed(isolation, 1, 1);
        Assert.Empty(isolation.Suspects);
        Assert.Equal([0], isolation.Poison);
        Assert.Equal(2, isolation.Settled);
    }

    [Fact]
    public void A_failure_that_is_no_records_fault_ends_the_search_at_once()
    {
        var isolation = new BatchIsolation(8);
        Succeed(isolation, 0, 4);
        Fail(isolation, 4, 2);
        Fail(isolation, 4, 1);

        Assert.True(isolation.TryGetNext(out int start, out int length));
        isolation.Failed(isSystemic: true);

        Assert.False(isolation.TryGetNext(out _, out _));
        Assert.Equal((5, 3), (start, length));
        Assert.Equal(IsolationOutcome.Systemic, isolation.Outcome);
        Assert.Equal([4], isolation.Poison);
        Assert.Empty(isolation.Suspects);
        Assert.Equal(5, isolation.Settled);
    }

    [Fact]
    public void A_systemic_failure_of_a_single_record_does_not_make_it_a_suspect()
    {
        var isolation = new BatchIsolation(2);

        Assert.True(isolation.TryGetNext(out _, out int length));
        isolation.Failed(isSystemic: true);

        Assert.Equal(1, length);
        Assert.Empty(isolation.Suspects);
        Assert.Equal((IsolationOutcome.Systemic, 0), (isolation.Outcome, isolation.Settled));
    }

    [Fact]
    public void A_success_proves_without_a_call_that_the_other_half_is_bad()
    {
        var isolation = new BatchIsolation(8);

        // The right half is not called as a whole, nor is the pair.
        Succeed(isolation, 0, 4);
        Succeed(isolation, 4, 2);
        Succeed(isolation, 6, 1);
        Fail(isolation, 7, 1);

        Assert.Equal(IsolationOutcome.Completed, isolation.Outcome);
        Assert.Equal([7], isolation.Poison);
        Assert.Equal(5, isolation.Calls);
    }

    [Fact]
    public void A_suspect_that_succeeds_alone_is_not_convicted()
    {
        // The whole batch failed for no lasting reason.
        IsolationRun run = IsolationRun.Of(new bool[1000]);

        Assert.Equal(IsolationOutcome.Completed, run.Isolation.Outcome);
        Assert.Empty(run.Isolation.Poison);
        Assert.Equal((999, 1, false), run.Calls[^1]);
        Assert.Equal(12, run.Isolation.Calls);
    }

    [Theory]
    [InlineData(2, null)]
    [InlineData(null, 0.02)]
    [InlineData(2, 1.0)]
    [InlineData(100, 0.02)]
    public void The_skip_limit_ends_the_search_before_the_conviction_that_would_exceed_it(int? maxSkipped, double? maxSkippedRatio)
    {
        bool[] bad = new bool[100];
        foreach (int record in (int[])[10, 40, 70, 90])
            bad[record] = true;

        IsolationRun run = IsolationRun.Of(bad, new BatchOptions { MaxSkipped = maxSkipped, MaxSkippedRatio = maxSkippedRatio });

        Assert.Equal(IsolationOutcome.SkipLimitReached, run.Isolation.Outcome);
        Assert.Equal([10, 40], run.Isolation.Poison);
        Assert.Equal([70], run.Isolation.Suspects);
        Assert.Equal(70, run.Isolation.Settled);
    }

    [Fact]
    public void A_batch_within_its_skip_limits_completes()
    {
        bool[] bad = new bool[100];
        bad.AsSpan(20, 29).Fill(true);

        // 0.29 of 100 is a little less than 29 as a product of doubles.
        IsolationRun run = IsolationRun.Of(bad, new BatchOptions { MaxSkipped = 29, MaxSkippedRatio = 0.29 });

        Assert.Equal(IsolationOutcome.Completed, run.Isolation.Outcome);
        Assert.Equal(29, run.Isolation.Poison.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Suspects_that_wait_for_a_witness_count_for_the_skip_limit(int maxSkipped)
    {
        IsolationRun run = IsolationRun.Of([true, true, false, false, false, false], new BatchOptions { MaxSkipped = maxSkipped });

        // A witness that succeeded would leave a hole behind it: nothing after the one too many is called.
        Assert.Equal(IsolationOutcome.SkipLimitReached, run.Isolation.Outcome);
        Assert.Empty(run.Isolation.Poison);
        Assert.Equal(0, run.Isolation.Settled);
        Assert.Equal(Enumerable.Range(0, maxSkipped + 1), run.Isolation.Suspects);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 50)]
    [InlineData(8, 70)]
    public void The_call_budget_counts_the_call_that_failed_first(int maxCalls, int settled)
    {
        bool[] bad = new bool[100];
        bad[69] = true;

        IsolationRun run = IsolationRun.Of(bad, new BatchOptions { MaxIsolationCalls = maxCalls });

        Assert.Equal(IsolationOutcome.CallBudgetSpent, run.Isolation.Outcome);
        Assert.Equal((maxCalls, settled), (run.Isolation.Calls, run.Isolation.Settled));
    }

    [Fact]
    public void The_last_call_of_the_budget_may_complete_the_search()
    {
        IsolationRun run = IsolationRun.Of([false, true], new BatchOptions { MaxIsolationCalls = 3 });

        Assert.Equal(IsolationOutcome.Completed, run.Isolation.Outcome);
        Assert.Equal([1], run.Isolation.Poison);
    }

    [Fact]
    public void The_deadline_ends_the_search_and_leaves_the_rest_whole()
    {
        var clock = new ManualTimeProvider();
        var isolation = new BatchIsolation(100, new BatchOptions { IsolationTimeout = TimeSpan.FromSeconds(12) }, clock);

        var run = new IsolationRun(isolation, (start, length) =>
        {
            clock.Advance(TimeSpan.FromSeconds(3));
            return start + length > 60;
        });

        Assert.Equal(IsolationOutcome.DeadlinePassed, run.Checked().Isolation.Outcome);
        Assert.Equal([(0, 50, false), (50, 25, true), (50, 12, true), (50, 6, false)], run.Calls);
        Assert.Equal(56, isolation.Settled);
    }

    [Fact]
    public void A_call_that_outlasts_the_deadline_still_counts()
    {
        var clock = new ManualTimeProvider();
        var isolation = new BatchIsolation(2, new BatchOptions { IsolationTimeout = TimeSpan.FromSeconds(10) }, clock);
        Succeed(isolation, 0, 1);

        Assert.True(isolation.TryGetNext(out _, out _));
        clock.Advance(TimeSpan.FromMinutes(1));
        isolation.Failed();

        Assert.Equal(IsolationOutcome.Completed, isolation.Outcome);
        Assert.Equal([1], isolation.Poison);
    }

    [Fact]
    public void Where_most_records_are_bad_they_are_called_one_by_one()
    {
        bool[] bad = new bool[1000];
        for (int i = 0; i < bad.Length; i++)
            bad[i] = i % 2 == 1;

        IsolationRun run = IsolationRun.Of(bad, Unlimited);

        Assert.All(run.Calls.Where(static call => call.Start > 100), static call => Assert.Equal(1, call.Length));
        Assert.InRange(run.Isolation.Calls, 1001, 1060);
    }

    [Fact]
    public void Where_records_succeed_only_alone_the_search_takes_twice_as_many_calls_at_most()
    {
        IsolationRun run = new IsolationRun(new BatchIsolation(1000), static (_, length) => length > 1).Checked();

        Assert.Equal(IsolationOutcome.Completed, run.Isolation.Outcome);
        Assert.Empty(run.Isolation.Poison);
        Assert.InRange(run.Isolation.Calls, 1001, 2002);
    }

    private static void Succeed(BatchIsolation isolation, int start, int length)
    {
        Assert.True(isolation.TryGetNext(out int nextStart, out int nextLength));
        Assert.Equal((start, length), (nextStart, nextLength));
        isolation.Succeeded();
    }

    private static void Fail(BatchIsolation isolation, int start, int length)
    {
        Assert.True(isolation.TryGetNext(out int nextStart, out int nextLength));
        Assert.Equal((start, length), (nextStart, nextLength));
        isolation.Failed();
    }
}
