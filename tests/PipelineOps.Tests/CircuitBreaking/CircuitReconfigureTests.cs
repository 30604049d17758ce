namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitReconfigureTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void Invalid_options_are_refused_and_the_old_ones_stay()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Succeed();

        Assert.Throws<InvalidOptionsException>(() => circuit.Reconfigure(new() { MaxProbes = 0 }));
        Assert.Throws<ArgumentNullException>(() => circuit.Reconfigure(null!));

        Assert.Equal(1, circuit.GetSnapshot().Total);
        circuit.Reset();
        circuit.Fail();
        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void A_closed_circuit_starts_over_with_an_empty_window_and_raises_no_event()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = 10 }, _time);
        circuit.Transitioned += static _ => Assert.Fail("no event expected");
        circuit.Fail(9);

        circuit.Reconfigure(new() { MinimumThroughput = 2, Window = CircuitWindowKind.Count });
        Assert.Equal(default(CircuitSnapshot), circuit.GetSnapshot());
        circuit.Fail();

        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Fact]
    public void A_closed_circuit_goes_by_the_new_rules_at_once()
    {
        var told = new List<CircuitTransition>();
        var circuit = new CircuitBreaker(null, _time);

        circuit.Reconfigure(new() { MinimumThroughput = 2, BreakDuration = TimeSpan.FromSeconds(7), OnTransition = told.Add });
        circuit.Fail(2);

        Assert.Equal(TimeSpan.FromSeconds(7), circuit.RetryAfter);
        Assert.Equal(1, Assert.Single(told).Sequence);
    }

    [Fact]
    public void Outcomes_of_calls_in_flight_over_it_are_dropped()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        CircuitPermit success = circuit.Admit();
        CircuitPermit failure = circuit.Admit();

        circuit.Reconfigure(CircuitCalls.OpensAtOnce);
        success.Success();
        failure.Failure();

        Assert.Equal(CircuitState.Closed, circuit.State);
        Assert.Equal(0, circuit.GetSnapshot().Total);
    }

    [Fact]
    public void An_open_circuit_keeps_its_break_and_probes_by_the_new_rules()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Fail();

        circuit.Reconfigure(new() { MinimumThroughput = 1, FailureRatio = 1, MaxProbes = 2, BreakDuration = TimeSpan.FromSeconds(60) });

        Assert.Equal(CircuitState.Open, circuit.State);
        Assert.Equal(TimeSpan.FromSeconds(5), circuit.RetryAfter);
        _time.Advance(TimeSpan.FromSeconds(5));
        circuit.Admit();
        circuit.Fail();
        Assert.Equal(TimeSpan.FromSeconds(60), circuit.RetryAfter);
    }

    [Fact]
    public void A_half_open_circuit_keeps_its_probes_and_closes_under_the_new_rules()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.BreakAndWait(_time);
        CircuitPermit probe = circuit.Admit();

        circuit.Reconfigure(new() { MinimumThroughput = 2, FailureRatio = 1, ProbeSuccessesToClose = 5, MaxProbes = 5 });

        circuit.AssertRejects();
        probe.Success();
        Assert.Equal(CircuitState.Closed, circuit.State);
        circuit.Fail();
        Assert.Equal(CircuitState.Closed, circuit.State);
        circuit.Fail();
        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void An_isolated_circuit_stays_isolated()
    {
        var circuit = new CircuitBreaker(null, _time);
        circuit.Isolate();

        circuit.Reconfigure(CircuitCalls.OpensAtOnce);

        Assert.Equal(CircuitState.Isolated, circuit.State);
        circuit.Reset();
        circuit.Fail();
        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public void Options_changed_after_they_were_given_have_no_effect()
    {
        var options = new CircuitBreakerOptions { MinimumThroughput = 2 };
        var circuit = new CircuitBreaker(options, _time);

        options.MinimumThroughput = 100;
        circuit.Fail(2);

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public async Task A_close_and_new_options_at_the_same_time_end_with_the_new_rules()
    {
        // Hunts: the thread that closes the circuit reads the old rules, the other thread stores the new ones and finds the circuit still
        // half-open, then the first one closes it with the old rules for good.
        for (int round = 0; round < 2_000; round++)
        {
            var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
            circuit.BreakAndWait(_time);
            CircuitPermit probe = circuit.Admit();
            using var start = new Barrier(2);
            Task close = Task.Run(() =>
            {
                start.SignalAndWait();
                probe.Success();
            }, TestContext.Current.CancellationToken);
            start.SignalAndWait(TestContext.Current.CancellationToken);
            circuit.Reconfigure(new() { MinimumThroughput = 2, FailureRatio = 1 });
            await close;

            circuit.Fail();
            Assert.Equal(CircuitState.Closed, circuit.State);
        }
    }
}
