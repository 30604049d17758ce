namespace PipelineOps.Tests.CircuitBreaking;

/// <summary>Whole calls through a circuit, for tests that care about their outcome only.</summary>
internal static class CircuitCalls
{
    /// <summary>Opens at the first failure; a break lasts 5 seconds and one probe decides.</summary>
    public static CircuitBreakerOptions OpensAtOnce => new() { MinimumThroughput = 1, FailureRatio = 1 };

    public static CircuitPermit Admit(this CircuitBreaker circuit)
    {
        Assert.True(circuit.TryAcquire(out CircuitPermit permit), $"The circuit is {circuit.State} and rejected the call.");
        return permit;
    }

    public static void AssertRejects(this CircuitBreaker circuit) => Assert.False(circuit.TryAcquire(out _), $"The circuit is {circuit.State} and admitted a call.");

    public static void Succeed(this CircuitBreaker circuit, int times = 1)
    {
        for (int i = 0; i < times; i++)
            circuit.Admit().Success();
    }

    public static void Fail(this CircuitBreaker circuit, int times = 1)
    {
        for (int i = 0; i < times; i++)
            circuit.Admit().Failure();
    }

    /// <summary>A closed <see cref="OpensAtOnce"/> circuit, opened and left until its break is over.</summary>
    public static void BreakAndWait(this CircuitBreaker circuit, ManualTimeProvider time)
    {
        circuit.Fail();
        Assert.Equal(CircuitState.Open, circuit.State);
        time.Advance(TimeSpan.FromSeconds(5));
    }
}
