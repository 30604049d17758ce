using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitProbeTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void A_failed_probe_reopens_the_circuit_for_a_whole_break()
    {
        CircuitBreaker circuit = AfterBreak(CircuitCalls.OpensAtOnce);
        CircuitPermit probe = circuit.Admit();
        _time.Advance(TimeSpan.FromSeconds(2));

        probe.Failure();

        Assert.Equal(CircuitState.Open, circuit.State);
        Assert.Equal(TimeSpan.FromSeconds(5), circuit.RetryAfter);
        circuit.AssertRejects();
    }

    [Fact]
    public void A_successful_probe_closes_the_circuit()
    {
        CircuitBreaker circuit = AfterBreak(CircuitCalls.OpensAtOnce);
        CircuitPermit probe = circuit.Admit();
        circuit.AssertRejects();

        probe.Success();

        Assert.Equal(CircuitState.Closed, circuit.State);
        circuit.Succeed(10);
    }

    [Fact]
    public void A_probe_cancelled_by_its_caller_gives_its_slot_back()
    {
        CircuitBreaker circuit = AfterBreak(CircuitCalls.OpensAtOnce);
        CircuitPermit cancelled = circuit.Admit();

        cancelled.Neutral();

        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        Assert.Equal(0, circuit.GetSnapshot().ProbesInFlight);
        CircuitPermit next = circuit.Admit();
        circuit.AssertRejects();
        cancelled.Failure();
        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        next.Success();
        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Fact]
    public void A_probe_reported_twice_counts_once_and_frees_one_slot()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.MaxProbes = 2;
        options.ProbeSuccessesToClose = 3;
        CircuitBreaker circuit = AfterBreak(options);
        CircuitPermit first = circuit.Admit();
        circuit.Admit();

        first.Success();
        circuit.Admit();
        first.Success();
        first.Success();
        first.Neutral();

        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        circuit.AssertRejects();
    }

    [Fact]
    public void A_hung_probe_loses_its_slot_when_its_lease_expires()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.ProbeLease = TimeSpan.FromSeconds(10);
        CircuitBreaker circuit = AfterBreak(options);
        CircuitPermit hung = circuit.Admit();

        _time.Advance(TimeSpan.FromMilliseconds(9_999));
        circuit.AssertRejects();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(TimeSpan.Zero, circuit.RetryAfter);
        CircuitPermit next = circuit.Admit();
        circuit.AssertRejects();
        hung.Failure();

        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        circuit.AssertRejects();
        next.Success();
        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Fact]
    public void A_late_success_of_a_probe_whose_slot_was_taken_over_does_not_close_the_circuit()
    {
        CircuitBreaker circuit = AfterBreak(CircuitCalls.OpensAtOnce);
        CircuitPermit hung = circuit.Admit();
        _time.Advance(TimeSpan.FromSeconds(30));
        circuit.Admit();

        hung.Success();

        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        circuit.AssertRejects();
    }

    [Fact]
    public void A_late_outcome_of_a_probe_whose_slot_nobody_wanted_still_counts()
    {
        CircuitBreaker circuit = AfterBreak(CircuitCalls.OpensAtOnce);
        CircuitPermit slow = circuit.Admit();
        _time.Advance(TimeSpan.FromMinutes(1));

        slow.Success();

        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Fact]
    public void A_probe_of_an_earlier_half_open_period_does_not_count_in_a_later_one()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.MaxProbes = 2;
        CircuitBreaker circuit = AfterBreak(options);
        CircuitPermit late = circuit.Admit();
        circuit.Fail();
        _time.Advance(TimeSpan.FromSeconds(5));
        circuit.Admit();

        late.Success();

        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        Assert.Equal(1, circuit.GetSnapshot().ProbesInFlight);
    }

    [Fact]
    public void A_clock_that_steps_backwards_does_not_make_a_lease_endless()
    {
        var clock = new SteppingTimeProvider();
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, clock);
        circuit.Fail();
        clock.Step(TimeSpan.FromSeconds(5));
        circuit.Admit();

        clock.Step(TimeSpan.FromDays(-1));

        Assert.Equal(TimeSpan.FromSeconds(30), circuit.RetryAfter);
        circuit.AssertRejects();
        clock.Step(TimeSpan.FromSeconds(30));
        circuit.Admit();
    }

    [Fact]
    public void The_soonest_lease_decides_when_to_retry()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.MaxProbes = 2;
        CircuitBreaker circuit = AfterBreak(options);
        circuit.Admit();
        Assert.Equal(TimeSpan.Zero, circuit.RetryAfter);
        _time.Advance(TimeSpan.FromSeconds(10));
        circuit.Admit();

        Assert.Equal(TimeSpan.FromSeconds(20), circuit.RetryAfter);
        Assert.Equal(2, circuit.GetSnapshot().ProbesInFlight);
    }

    [Fact]
    public void Counts_of_probes_close_and_reopen_the_circuit()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.ProbeSuccessesToClose = 3;
        options.ProbeFailuresToReopen = 2;
        CircuitBreaker circuit = AfterBreak(options);

        circuit.Succeed(2);
        circuit.Fail();
        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        circuit.Fail();
        Assert.Equal(CircuitState.Open, circuit.State);

        _time.Advance(TimeSpan.FromSeconds(5));
        circuit.Fail();
        circuit.Succeed(2);
        Assert.Equal(CircuitState.HalfOpen, circuit.State);
        circuit.Succeed();
        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Theory]
    [InlineData("SSSSSS", CircuitState.Closed)]
    [InlineData("SSSSS", CircuitState.HalfOpen)]
    [InlineData("FFFFF", CircuitState.Open)]
    [InlineData("FFFF", CircuitState.HalfOpen)]
    [InlineData("SFSFSFSFSF", CircuitState.Open)]
    [InlineData("FSFSFSFSSS", CircuitState.Closed)]
    public void A_ratio_of_probes_decides_as_soon_as_it_is_certain(string outcomes, CircuitState expected)
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.ProbeFailureRatio = 0.5;
        options.ProbeSampleSize = 10;
        CircuitBreaker circuit = AfterBreak(options);

        foreach (char outcome in outcomes)
        {
            if (outcome == 'S')
                circuit.Succeed();
            else
                circuit.Fail();
        }

        Assert.Equal(expected, circuit.State);
    }

    [Fact]
    public void A_ratio_of_probes_decides_as_counting_the_whole_sample_would_and_at_the_first_probe_that_settles_it()
    {
        Gen<(int Sample, int Tenths, bool[] Failed)> cases =
            from sample in Gen.Choose(1, 25)
            from tenths in Gen.Choose(1, 10)
            from failed in Gen.ArrayOf(Gen.Elements(true, false), sample)
            select (sample, tenths, failed);

        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
            options.ProbeFailureRatio = c.Tenths / 10.0;
            options.ProbeSampleSize = c.Sample;
            CircuitBreaker circuit = AfterBreak(options);

            for (int i = 0; i < c.Sample; i++)
            {
                if (c.Failed[i])
                    circuit.Fail();
                else
                    circuit.Succeed();

                int failures = c.Failed.Take(i + 1).Count(static f => f);
                bool reopensAnyway = failures * 10 >= c.Tenths * c.Sample;
                bool closesAnyway = (failures + c.Sample - i - 1) * 10 < c.Tenths * c.Sample;
                Assert.Equal(reopensAnyway ? CircuitState.Open : closesAnyway ? CircuitState.Closed : CircuitState.HalfOpen, circuit.State);
                if (circuit.State != CircuitState.HalfOpen)
                    return;
            }

            Assert.Fail("The whole sample did not decide.");
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_throwing_listener_does_not_wedge_a_half_open_circuit()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.OnTransition = static _ => throw new InvalidOperationException("listener");
        CircuitBreaker circuit = AfterBreak(options);

        circuit.Fail();
        _time.Advance(TimeSpan.FromSeconds(5));
        circuit.Succeed();

        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    private CircuitBreaker AfterBreak(CircuitBreakerOptions options)
    {
        var circuit = new CircuitBreaker(options, _time);
        circuit.BreakAndWait(_time);
        return circuit;
    }
}
