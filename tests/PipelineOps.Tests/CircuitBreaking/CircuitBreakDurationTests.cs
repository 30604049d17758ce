namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitBreakDurationTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void An_open_circuit_rejects_until_the_last_millisecond_of_its_break()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Fail();

        _time.Advance(TimeSpan.FromMilliseconds(4999));
        circuit.AssertRejects();
        Assert.Equal(TimeSpan.FromMilliseconds(1), circuit.RetryAfter);
        Assert.Equal(CircuitState.Open, circuit.State);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        circuit.Admit();
        Assert.Equal(CircuitState.HalfOpen, circuit.State);
    }

    [Fact]
    public void Retry_after_is_never_negative()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Fail();

        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal(TimeSpan.Zero, circuit.RetryAfter);
        Assert.Equal(TimeSpan.Zero, circuit.GetSnapshot().TimeToHalfOpen);
    }

    [Fact]
    public void Retry_after_tells_when_a_call_would_be_admitted_in_every_state()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        Assert.Equal(TimeSpan.Zero, circuit.RetryAfter);
        Assert.Null(circuit.GetSnapshot().TimeToHalfOpen);

        circuit.Fail();
        Assert.Equal(TimeSpan.FromSeconds(5), circuit.RetryAfter);
        Assert.Equal(TimeSpan.FromSeconds(5), circuit.GetSnapshot().TimeToHalfOpen);

        _time.Advance(TimeSpan.FromSeconds(5));
        CircuitPermit probe = circuit.Admit();
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromSeconds(20), circuit.RetryAfter);
        Assert.Null(circuit.GetSnapshot().TimeToHalfOpen);

        probe.Neutral();
        Assert.Equal(TimeSpan.Zero, circuit.RetryAfter);

        circuit.Isolate();
        Assert.Null(circuit.RetryAfter);
    }

    [Fact]
    public void Breaks_grow_up_to_the_cap_and_start_over_after_a_close()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.BreakDuration = TimeSpan.FromSeconds(1);
        options.BreakGrowth = 2;
        options.MaxBreakDuration = TimeSpan.FromSeconds(5);
        var circuit = new CircuitBreaker(options, _time);

        Assert.Equal([1, 2, 4, 5, 5], FailedProbes(5));
        _time.Advance(circuit.RetryAfter!.Value);
        circuit.Succeed();
        Assert.Equal(0, circuit.GetSnapshot().BreaksInARow);

        Assert.Equal([1, 2], FailedProbes(2));

        double[] FailedProbes(int count) => [.. Enumerable.Range(1, count).Select(expectedBreaks =>
        {
            _time.Advance(circuit.RetryAfter!.Value);
            circuit.Fail();
            Assert.Equal(expectedBreaks, circuit.GetSnapshot().BreaksInARow);
            return circuit.RetryAfter!.Value.TotalSeconds;
        })];
    }

    [Fact]
    public void A_reset_ends_the_growth()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.BreakGrowth = 2;
        var circuit = new CircuitBreaker(options, _time);
        circuit.BreakAndWait(_time);
        circuit.Fail();
        Assert.Equal(TimeSpan.FromSeconds(10), circuit.RetryAfter);

        circuit.Reset();
        circuit.Fail();

        Assert.Equal(TimeSpan.FromSeconds(5), circuit.RetryAfter);
    }

    [Fact]
    public void Growth_does_not_overflow()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.BreakGrowth = double.MaxValue;
        var circuit = new CircuitBreaker(options, _time);

        for (int i = 0; i < 50; i++)
        {
            circuit.Fail();
            _time.Advance(circuit.RetryAfter!.Value);
        }

        circuit.Fail();
        Assert.Equal(TimeSpan.FromMinutes(5), circuit.RetryAfter);
    }

    [Theory]
    [InlineData(0, 1, 10_000)]
    [InlineData(0.5, 0, 10_000)]
    [InlineData(0.5, 0.5, 7_500)]
    [InlineData(0.5, 0.75, 6_250)]
    [InlineData(1, 0.75, 2_500)]
    [InlineData(1, 0.99999999, 1)]
    public void Jitter_draws_its_share_of_the_break(double jitter, double random, double expectedMilliseconds)
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.BreakDuration = TimeSpan.FromSeconds(10);
        options.BreakJitter = jitter;
        var circuit = new CircuitBreaker(options, _time, () => random);
        var seen = new List<CircuitTransition>();
        circuit.Transitioned += seen.Add;

        circuit.Fail();

        Assert.Equal(TimeSpan.FromMilliseconds(expectedMilliseconds), circuit.RetryAfter);
        Assert.Equal(circuit.RetryAfter, seen[0].BreakDuration);
        _time.Advance(circuit.RetryAfter!.Value);
        circuit.Admit();
    }

    [Fact]
    public void Calls_that_fail_after_the_circuit_has_opened_draw_no_further_break()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.BreakJitter = 1;
        int draws = 0;
        var circuit = new CircuitBreaker(options, _time, () => draws++);
        CircuitPermit[] inFlight = [.. Enumerable.Range(0, 10).Select(_ => circuit.Admit())];

        foreach (CircuitPermit permit in inFlight)
            permit.Failure();

        Assert.Equal(1, draws);
    }

    [Fact]
    public void Breaks_at_the_cap_stay_spread_and_never_exceed_it()
    {
        CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
        options.BreakGrowth = 1000;
        options.BreakJitter = 0.5;
        options.MaxBreakDuration = TimeSpan.FromSeconds(60);
        var random = new Random(1);
        var circuit = new CircuitBreaker(options, _time, random.NextDouble);
        circuit.Fail();

        TimeSpan[] breaks = [.. Enumerable.Range(0, 100).Select(_ =>
        {
            _time.Advance(circuit.RetryAfter!.Value);
            circuit.Fail();
            return circuit.RetryAfter!.Value;
        })];

        Assert.All(breaks, length => Assert.InRange(length, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60)));
        Assert.True(breaks.Distinct().Count() > 90);
    }

    [Fact]
    public void A_clock_that_steps_backwards_neither_ends_a_break_nor_makes_it_endless()
    {
        var clock = new SteppingTimeProvider();
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, clock);
        circuit.Fail();
        clock.Step(TimeSpan.FromSeconds(3));

        clock.Step(TimeSpan.FromDays(-1));

        Assert.Equal(TimeSpan.FromSeconds(5), circuit.RetryAfter);
        circuit.AssertRejects();
        clock.Step(TimeSpan.FromSeconds(5));
        circuit.Admit();
        Assert.Equal(CircuitState.HalfOpen, circuit.State);
    }

    [Theory]
    [InlineData(1_000_000_000)]
    [InlineData(10_000_000)]
    [InlineData(32_768)]
    public void Timestamps_of_any_frequency_and_size_give_the_same_break(long frequency)
    {
        var clock = new TickingTimeProvider(frequency) { Timestamp = long.MaxValue - 10 * frequency };
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, clock);
        circuit.Fail();

        clock.Timestamp += 4 * frequency;
        Assert.Equal(TimeSpan.FromSeconds(1), circuit.RetryAfter);
        clock.Timestamp += frequency;

        circuit.Admit();
    }

    private sealed class TickingTimeProvider(long frequency) : TimeProvider
    {
        public long Timestamp { get; set; }

        public override long TimestampFrequency => frequency;

        public override long GetTimestamp() => Timestamp;
    }
}
