using System.Runtime.CompilerServices;

namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitTransitionTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly List<CircuitTransition> _seen = [];

    [Fact]
    public void Transitions_tell_what_changed_why_when_and_in_which_order()
    {
        CircuitBreaker circuit = Watched(CircuitCalls.OpensAtOnce);
        DateTimeOffset start = _time.GetUtcNow();

        circuit.BreakAndWait(_time);
        circuit.Fail();
        _time.Advance(TimeSpan.FromSeconds(5));
        circuit.Succeed();
        circuit.Isolate();
        circuit.Reset();

        var five = TimeSpan.FromSeconds(5);
        Assert.Equal(
        [
            new() { Sequence = 1, From = CircuitState.Closed, To = CircuitState.Open, Reason = CircuitTransitionReason.FailureRatio, At = start, BreakDuration = five },
            new() { Sequence = 2, From = CircuitState.Open, To = CircuitState.HalfOpen, Reason = CircuitTransitionReason.BreakElapsed, At = start + five },
            new() { Sequence = 3, From = CircuitState.HalfOpen, To = CircuitState.Open, Reason = CircuitTransitionReason.ProbesFailed, At = start + five, BreakDuration = five },
            new() { Sequence = 4, From = CircuitState.Open, To = CircuitState.HalfOpen, Reason = CircuitTransitionReason.BreakElapsed, At = start + 2 * five },
            new() { Sequence = 5, From = CircuitState.HalfOpen, To = CircuitState.Closed, Reason = CircuitTransitionReason.ProbesSucceeded, At = start + 2 * five },
            new() { Sequence = 6, From = CircuitState.Closed, To = CircuitState.Isolated, Reason = CircuitTransitionReason.Isolated, At = start + 2 * five },
            new() { Sequence = 7, From = CircuitState.Isolated, To = CircuitState.Closed, Reason = CircuitTransitionReason.Reset, At = start + 2 * five },
        ], _seen);
    }

    [Fact]
    public void A_throwing_listener_changes_no_outcome_and_silences_no_other()
    {
        var circuit = new CircuitBreaker(
            new() { MinimumThroughput = 1, OnTransition = static _ => throw new InvalidOperationException("option") }, _time);
        circuit.Transitioned += static _ => throw new InvalidOperationException("first");
        circuit.Transitioned += _seen.Add;

        circuit.Fail();

        Assert.Equal(CircuitState.Open, circuit.State);
        Assert.Single(_seen);
    }

    [Fact]
    public void The_option_and_the_event_are_told_the_same()
    {
        var told = new List<CircuitTransition>();
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.OnTransition = told.Add;
        CircuitBreaker circuit = Watched(options);

        circuit.BreakAndWait(_time);
        circuit.Succeed();

        Assert.Equal(3, told.Count);
        Assert.Equal(_seen, told);
    }

    [Fact]
    public void A_listener_that_was_removed_is_told_nothing()
    {
        CircuitBreaker circuit = Watched(CircuitCalls.OpensAtOnce);
        circuit.Transitioned -= _seen.Add;

        circuit.Fail();

        Assert.Empty(_seen);
    }

    [Fact]
    public void A_listener_may_change_the_state_and_is_told_of_that_afterwards()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Transitioned += transition =>
        {
            if (transition.To == CircuitState.Open)
                circuit.Isolate();

            if (transition.To == CircuitState.Isolated)
                circuit.Reset();
        };
        circuit.Transitioned += _seen.Add;

        circuit.Fail();

        Assert.Equal([CircuitState.Open, CircuitState.Isolated, CircuitState.Closed], _seen.Select(static t => t.To));
        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Theory]
    [InlineData(CircuitState.Closed)]
    [InlineData(CircuitState.Open)]
    [InlineData(CircuitState.HalfOpen)]
    [InlineData(CircuitState.Isolated)]
    public void Isolating_rejects_every_call_from_any_state(CircuitState from)
    {
        CircuitBreaker circuit = InState(from);

        circuit.Isolate();
        circuit.Isolate();
        _time.Advance(TimeSpan.FromDays(365));

        Assert.Equal(CircuitState.Isolated, circuit.State);
        circuit.AssertRejects();
        Assert.Equal(1, _seen.Count(static t => t.To == CircuitState.Isolated));
    }

    [Theory]
    [InlineData(CircuitState.Closed, 0)]
    [InlineData(CircuitState.Open, 1)]
    [InlineData(CircuitState.HalfOpen, 1)]
    [InlineData(CircuitState.Isolated, 1)]
    public void Resetting_closes_the_circuit_from_any_state_with_an_empty_window(CircuitState from, int transitions)
    {
        CircuitBreaker circuit = InState(from);

        circuit.Reset();

        Assert.Equal(CircuitState.Closed, circuit.State);
        Assert.Equal(default(CircuitSnapshot), circuit.GetSnapshot());
        Assert.Equal(transitions, _seen.Count(static t => t.Reason == CircuitTransitionReason.Reset));
        circuit.Succeed();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Outcomes_of_calls_in_flight_over_a_reset_are_dropped(bool isolated)
    {
        CircuitBreaker circuit = Watched(CircuitCalls.OpensAtOnce);
        CircuitPermit success = circuit.Admit();
        CircuitPermit failure = circuit.Admit();
        if (isolated)
            circuit.Isolate();

        circuit.Reset();
        success.Success();
        failure.Failure();

        Assert.Equal(CircuitState.Closed, circuit.State);
        Assert.Equal(0, circuit.GetSnapshot().Total);
    }

    [Fact]
    public void A_probe_reporting_to_an_isolated_circuit_changes_nothing()
    {
        CircuitBreaker circuit = InState(CircuitState.HalfOpen, out CircuitPermit probe);

        circuit.Isolate();
        probe.Success();

        Assert.Equal(CircuitState.Isolated, circuit.State);
    }

    [Fact]
    public void A_hung_call_does_not_keep_the_later_periods_of_its_circuit_alive()
    {
        var circuit = new CircuitBreaker(null, _time);
        CircuitPermit hung = circuit.Admit();

        WeakReference listener = PeriodWithListener(circuit);
        circuit.Reconfigure(new());
        GC.Collect();

        Assert.False(listener.IsAlive);
        hung.Success();
        GC.KeepAlive(circuit);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference PeriodWithListener(CircuitBreaker circuit)
        {
            var seen = new List<CircuitTransition>();
            circuit.Reconfigure(new() { OnTransition = seen.Add });
            return new WeakReference(seen);
        }
    }

    private CircuitBreaker Watched(CircuitBreakerOptions options)
    {
        var circuit = new CircuitBreaker(options, _time);
        circuit.Transitioned += _seen.Add;
        return circuit;
    }

    private CircuitBreaker InState(CircuitState state) => InState(state, out _);

    private CircuitBreaker InState(CircuitState state, out CircuitPermit probe)
    {
        probe = default;
        CircuitBreaker circuit = Watched(CircuitCalls.OpensAtOnce);
        switch (state)
        {
            case CircuitState.Closed:
                circuit.Succeed(3);
                break;
            case CircuitState.Open:
                circuit.Fail();
                break;
            case CircuitState.HalfOpen:
                circuit.BreakAndWait(_time);
                probe = circuit.Admit();
                break;
            case CircuitState.Isolated:
                circuit.Isolate();
                break;
        }

        Assert.Equal(state, circuit.State);
        return circuit;
    }
}
