namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitBreakerOptionsTests
{
    [Fact]
    public void Every_invalid_option_is_listed_with_its_value_and_range()
    {
        var options = new CircuitBreakerOptions
        {
            FailureRatio = 0,
            MinimumThroughput = 0,
            Window = (CircuitWindowKind)7,
            WindowDuration = TimeSpan.FromMilliseconds(99),
            WindowSize = 100_001,
            SlowCallRatio = double.NaN,
            SlowCallDuration = TimeSpan.Zero,
            ConsecutiveFailures = 0,
            BreakDuration = TimeSpan.Zero,
            BreakGrowth = 0.99,
            MaxBreakDuration = TimeSpan.FromDays(2),
            BreakJitter = 1.01,
            MaxProbes = 1025,
            ProbeSuccessesToClose = 0,
            ProbeFailuresToReopen = -1,
            ProbeFailureRatio = 1.5,
            ProbeSampleSize = 0,
            ProbeLease = TimeSpan.FromDays(2),
        };

        IReadOnlyList<string> failures = Assert.Throws<InvalidOptionsException>(() => new CircuitBreaker(options)).Failures;

        Assert.Equal(
        [
            "FailureRatio is 0, but must be above 0 and at most 1.",
            "MinimumThroughput is 0, but must be at least 1.",
            "Window is 7, but must be Time or Count.",
            "WindowDuration is 00:00:00.0990000, but must be from 00:00:00.1000000 to 1.00:00:00.",
            "WindowSize is 100001, but must be from 1 to 100000.",
            "SlowCallRatio is NaN, but must be above 0 and at most 1.",
            "SlowCallDuration is 00:00:00, but must be more than zero.",
            "ConsecutiveFailures is 0, but must be at least 1.",
            "BreakDuration is 00:00:00, but must be from 00:00:00.0010000 to 1.00:00:00.",
            "BreakGrowth is 0.99, but must be a finite number of at least 1.",
            "MaxBreakDuration is 2.00:00:00, but must be from BreakDuration to 1.00:00:00.",
            "BreakJitter is 1.01, but must be from 0 to 1.",
            "MaxProbes is 1025, but must be from 1 to 1024.",
            "ProbeSuccessesToClose is 0, but must be at least 1.",
            "ProbeFailuresToReopen is -1, but must be at least 1.",
            "ProbeFailureRatio is 1.5, but must be above 0 and at most 1.",
            "ProbeSampleSize is 0, but must be from 1 to 10000.",
            "ProbeLease is 2.00:00:00, but must be from 00:00:00.0010000 to 1.00:00:00.",
        ], failures);
    }

    [Fact]
    public void A_minimum_throughput_that_a_window_by_count_never_reaches_is_refused()
    {
        var options = new CircuitBreakerOptions { Window = CircuitWindowKind.Count, WindowSize = 10, MinimumThroughput = 11 };

        var exception = Assert.Throws<InvalidOptionsException>(() => new CircuitBreaker(options));

        Assert.Equal(["MinimumThroughput is 11, but must be from 1 to WindowSize."], exception.Failures);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_growth_that_is_no_number_is_refused(double growth) =>
        Assert.Throws<InvalidOptionsException>(() => new CircuitBreaker(new() { BreakGrowth = growth }));

    [Fact]
    public void A_cap_below_the_first_break_is_refused()
    {
        var options = new CircuitBreakerOptions { BreakDuration = TimeSpan.FromMinutes(10) };

        var exception = Assert.Throws<InvalidOptionsException>(() => new CircuitBreaker(options));

        Assert.Equal(["MaxBreakDuration is 00:05:00, but must be from BreakDuration to 1.00:00:00."], exception.Failures);
    }

    [Fact]
    public void The_ends_of_every_range_are_valid()
    {
        _ = new CircuitBreaker(new()
        {
            FailureRatio = double.Epsilon,
            MinimumThroughput = int.MaxValue,
            WindowDuration = TimeSpan.FromMilliseconds(100),
            WindowSize = 1,
            SlowCallRatio = 1,
            SlowCallDuration = TimeSpan.MaxValue,
            ConsecutiveFailures = int.MaxValue,
            BreakDuration = TimeSpan.FromMilliseconds(1),
            BreakGrowth = double.MaxValue,
            MaxBreakDuration = TimeSpan.FromMilliseconds(1),
            BreakJitter = 1,
            MaxProbes = 1024,
            ProbeFailureRatio = double.Epsilon,
            ProbeSampleSize = 10_000,
            ProbeLease = TimeSpan.FromMilliseconds(1),
        });
        _ = new CircuitBreaker(new()
        {
            WindowDuration = TimeSpan.FromDays(1),
            WindowSize = 100_000,
            BreakDuration = TimeSpan.FromDays(1),
            MaxBreakDuration = TimeSpan.FromDays(1),
            ProbeLease = TimeSpan.FromDays(1),
        });
    }
}
