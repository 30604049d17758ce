namespace PipelineOps;

/// <summary>What a circuit looked like at one moment. The counts are those of a closed circuit's window; they are zero in every other state.</summary>
public readonly record struct CircuitSnapshot
{
    /// <summary>The circuit's state.</summary>
    public CircuitState State { get; init; }

    /// <summary>Calls in the window that succeeded, slow ones included.</summary>
    public long Successes { get; init; }

    /// <summary>Calls in the window that failed.</summary>
    public long Failures { get; init; }

    /// <summary>Calls in the window that were slow, whether they succeeded or failed; counted only while <see cref="CircuitBreakerOptions.SlowCallRatio"/> is set.</summary>
    public long SlowCalls { get; init; }

    /// <summary>Calls in the window, neutral ones excluded.</summary>
    public long Total => Successes + Failures;

    /// <summary><see cref="Failures"/> by <see cref="Total"/>, 0 to 1; 0 when the window is empty.</summary>
    public double FailureRatio => Total == 0 ? 0 : (double)Failures / Total;

    /// <summary><see cref="SlowCalls"/> by <see cref="Total"/>, 0 to 1; 0 when the window is empty.</summary>
    public double SlowCallRatio => Total == 0 ? 0 : (double)SlowCalls / Total;

    /// <summary>Failures since the last success.</summary>
    public int ConsecutiveFailures { get; init; }

    /// <summary>Breaks since the circuit was last closed, the current one included; 0 when closed.</summary>
    public int BreaksInARow { get; init; }

    /// <summary>How long until an open circuit admits a probe, never negative; <see langword="null"/> in every other state.</summary>
    public TimeSpan? TimeToHalfOpen { get; init; }

    /// <summary>Probes of a half-open circuit that have not reported yet, hung ones included.</summary>
    public int ProbesInFlight { get; init; }
}
