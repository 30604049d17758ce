namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitTripTests
{
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(2);

    private readonly ManualTimeProvider _time = new();

    [Theory]
    [InlineData(499, 501, CircuitState.Closed)]
    [InlineData(500, 500, CircuitState.Open)]
    public void A_ratio_just_below_the_threshold_does_not_open_the_circuit(int failures, int successes, CircuitState expected)
    {
        var circuit = new CircuitBreaker(new() { FailureRatio = 0.5, MinimumThroughput = 1000 }, _time);

        circuit.Fail(failures);
        circuit.Succeed(successes);

        Assert.Equal(expected, circuit.State);
    }

    [Theory]
    [InlineData(0.1, 3, 30)]
    [InlineData(0.07, 7, 100)]
    [InlineData(0.29, 29, 100)]
    [InlineData(0.57, 57, 100)]
    [InlineData(0.35, 7, 20)]
    [InlineData(1, 20, 20)]
    public void A_ratio_equal_to_the_threshold_opens_the_circuit_whatever_binary_fractions_do(double ratio, int failures, int total)
    {
        var circuit = new CircuitBreaker(new() { FailureRatio = ratio, MinimumThroughput = total }, _time);

        circuit.Succeed(total - failures);
        circuit.Fail(failures - 1);
        Assert.Equal(CircuitState.Closed, circuit.State);
        circuit.Fail();

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void Failures_below_the_minimum_throughput_do_not_open_the_circuit()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 20 }, _time);

        circuit.Fail(19);
        Assert.Equal(CircuitState.Closed, circuit.State);
        circuit.Fail();

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Theory]
    [InlineData(CircuitWindowKind.Time)]
    [InlineData(CircuitWindowKind.Count)]
    public void A_success_that_reaches_the_minimum_throughput_opens_the_circuit(CircuitWindowKind window)
    {
        var circuit = new CircuitBreaker(new() { Window = window, MinimumThroughput = 20 }, _time);
        circuit.Fail(10);
        circuit.Succeed(9);
        Assert.Equal(CircuitState.Closed, circuit.State);

        circuit.Succeed();

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void A_success_opens_the_circuit_when_older_successes_have_left_the_window()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 10, WindowDuration = TimeSpan.FromSeconds(16) }, _time);
        circuit.Succeed(20);
        _time.Advance(TimeSpan.FromSeconds(10));
        circuit.Fail(10);
        circuit.Succeed();
        Assert.Equal(CircuitState.Closed, circuit.State);

        _time.Advance(TimeSpan.FromSeconds(6));
        circuit.Succeed();

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void Reading_the_counts_in_between_does_not_spare_a_success_its_judgement()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 10, WindowDuration = TimeSpan.FromSeconds(16) }, _time);
        circuit.Succeed(20);
        _time.Advance(TimeSpan.FromSeconds(10));
        circuit.Fail(10);
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(10, circuit.GetSnapshot().Total);
        circuit.Succeed();

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void Failures_that_have_left_the_window_do_not_count()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 20, WindowDuration = TimeSpan.FromSeconds(30) }, _time);
        circuit.Fail(19);

        _time.Advance(TimeSpan.FromSeconds(30));
        circuit.Fail();

        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Fact]
    public void Idle_time_empties_the_window_on_reading()
    {
        var circuit = new CircuitBreaker(null, _time);
        circuit.Fail(3);
        circuit.Succeed(4);

        _time.Advance(TimeSpan.FromSeconds(28));
        Assert.Equal((4, 3), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal((0, 0), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
    }

    [Fact]
    public void An_outcome_leaves_the_window_at_most_one_sixteenth_early_and_never_late()
    {
        var circuit = new CircuitBreaker(new() { WindowDuration = TimeSpan.FromSeconds(16) }, _time);
        _time.Advance(TimeSpan.FromMilliseconds(999));
        circuit.Fail();

        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(1, circuit.GetSnapshot().Failures);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(0, circuit.GetSnapshot().Failures);
    }

    [Fact]
    public void Neutral_outcomes_neither_open_the_circuit_nor_dilute_the_ratio()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 4 }, _time);
        for (int i = 0; i < 100; i++)
            circuit.Admit().Neutral();

        circuit.Succeed(2);
        circuit.Fail();
        for (int i = 0; i < 100; i++)
            circuit.Admit().Neutral();

        Assert.Equal(3, circuit.GetSnapshot().Total);
        circuit.Fail();
        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Theory]
    [InlineData(CircuitWindowKind.Time)]
    [InlineData(CircuitWindowKind.Count)]
    public void Slow_calls_open_the_circuit_whether_they_succeed_or_fail(CircuitWindowKind window)
    {
        var circuit = new CircuitBreaker(new() { Window = window, MinimumThroughput = 4, FailureRatio = 1, SlowCallRatio = 0.5, SlowCallDuration = TimeSpan.FromSeconds(1) }, _time);
        var seen = new List<CircuitTransition>();
        circuit.Transitioned += seen.Add;

        circuit.Admit().Success(TimeSpan.FromSeconds(1));
        circuit.Admit().Success(TimeSpan.FromSeconds(1));
        circuit.Admit().Failure(Slow);
        Assert.Equal((2, 1, 1), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures, circuit.GetSnapshot().SlowCalls));
        circuit.Admit().Success(Slow);

        Assert.Equal(CircuitTransitionReason.SlowCallRatio, Assert.Single(seen).Reason);
    }

    [Fact]
    public void A_slow_probe_counts_as_failed()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 1, SlowCallRatio = 1, SlowCallDuration = TimeSpan.FromSeconds(1) }, _time);
        circuit.Admit().Success(Slow);
        _time.Advance(TimeSpan.FromSeconds(5));

        circuit.Admit().Success(Slow);

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void Durations_mean_nothing_without_the_slow_call_rule()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 1 }, _time);

        circuit.Admit().Success(TimeSpan.FromDays(1));

        Assert.Equal(CircuitState.Closed, circuit.State);
        Assert.Equal(0, circuit.GetSnapshot().SlowCalls);
    }

    [Fact]
    public void Consecutive_failures_open_the_circuit_below_the_minimum_throughput()
    {
        var circuit = new CircuitBreaker(new() { ConsecutiveFailures = 3 }, _time);
        var seen = new List<CircuitTransition>();
        circuit.Transitioned += seen.Add;

        circuit.Fail(2);
        circuit.Admit().Neutral();
        circuit.Succeed();
        circuit.Fail(2);
        circuit.Admit().Neutral();
        Assert.Equal(2, circuit.GetSnapshot().ConsecutiveFailures);
        Assert.Empty(seen);
        circuit.Fail();

        Assert.Equal(CircuitTransitionReason.ConsecutiveFailures, Assert.Single(seen).Reason);
    }

    [Fact]
    public void A_window_by_count_forgets_the_oldest_outcome_and_no_time()
    {
        var circuit = new CircuitBreaker(new() { Window = CircuitWindowKind.Count, WindowSize = 4, MinimumThroughput = 4, FailureRatio = 0.75 }, _time);
        circuit.Fail(2);
        circuit.Succeed(2);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal((2, 2), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));

        circuit.Fail(2);
        Assert.Equal((2, 2), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
        circuit.Fail();

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void A_late_outcome_from_before_the_break_changes_nothing_while_the_circuit_is_open()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        CircuitPermit lateSuccess = circuit.Admit();
        CircuitPermit lateFailure = circuit.Admit();
        circuit.Fail();

        lateSuccess.Success();
        lateFailure.Failure();

        Assert.Equal(CircuitState.Open, circuit.State);
        Assert.Equal(1, circuit.GetSnapshot().BreaksInARow);
        Assert.Equal(TimeSpan.FromSeconds(5), circuit.RetryAfter);
    }

    [Fact]
    public void A_late_outcome_from_before_the_break_neither_closes_nor_reopens_a_half_open_circuit()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        CircuitPermit lateSuccess = circuit.Admit();
        CircuitPermit lateFailure = circuit.Admit();
        CircuitPermit lateNeutral = circuit.Admit();
        circuit.BreakAndWait(_time);
        CircuitPermit probe = circuit.Admit();

        lateSuccess.Success();
        lateFailure.Failure();
        lateNeutral.Neutral();

        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        Assert.Equal(1, circuit.GetSnapshot().ProbesInFlight);
        circuit.AssertRejects();
        probe.Success();
        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Fact]
    public void A_late_outcome_from_before_the_break_is_not_counted_after_the_close()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        CircuitPermit lateSuccess = circuit.Admit();
        CircuitPermit lateFailure = circuit.Admit();
        circuit.BreakAndWait(_time);
        circuit.Succeed();

        lateSuccess.Success();
        lateFailure.Failure();

        Assert.Equal(CircuitState.Closed, circuit.State);
        Assert.Equal(0, circuit.GetSnapshot().Total);
        Assert.Equal(0, circuit.GetSnapshot().ConsecutiveFailures);
    }

    [Fact]
    public void A_closed_circuit_starts_with_an_empty_window_after_a_break()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 2 }, _time);
        circuit.Fail(2);
        _time.Advance(TimeSpan.FromSeconds(5));
        circuit.Succeed();

        circuit.Fail();

        Assert.Equal(CircuitState.Closed, circuit.State);
        Assert.Equal(1, circuit.GetSnapshot().Total);
    }

    [Fact]
    public void The_default_permit_does_nothing()
    {
        CircuitPermit permit = default;

        permit.Success();
        permit.Failure();
        permit.Neutral();
    }

    [Fact]
    public void A_clock_that_steps_backwards_keeps_what_the_window_holds()
    {
        var clock = new SteppingTimeProvider();
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 34, WindowDuration = TimeSpan.FromSeconds(16) }, clock);
        clock.Step(TimeSpan.FromSeconds(100));
        for (int i = 0; i < 16; i++)
        {
            circuit.Fail();
            circuit.Succeed();
            clock.Step(TimeSpan.FromMilliseconds(i < 15 ? 1000 : 0));
        }

        // More than a window: the bucket in turn now holds a later time.
        clock.Step(TimeSpan.FromSeconds(-24));
        circuit.Fail();
        Assert.Equal((16, 17), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
        clock.Step(TimeSpan.FromDays(-1));
        Assert.Equal((16, 17), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
        circuit.Succeed();

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void A_snapshot_tells_the_ratios_of_its_window_and_zero_for_an_empty_one()
    {
        var circuit = new CircuitBreaker(new() { SlowCallRatio = 1, SlowCallDuration = Slow }, _time);
        CircuitSnapshot empty = circuit.GetSnapshot();

        circuit.Succeed(2);
        circuit.Fail();
        circuit.Admit().Success(Slow * 2);

        Assert.Equal((0, 0), (empty.FailureRatio, empty.SlowCallRatio));
        Assert.Equal((0.25, 0.25), (circuit.GetSnapshot().FailureRatio, circuit.GetSnapshot().SlowCallRatio));
    }
}
