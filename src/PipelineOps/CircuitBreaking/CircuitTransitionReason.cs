namespace PipelineOps;

/// <summary>Why a circuit changed its state.</summary>
public enum CircuitTransitionReason
{
    /// <summary>The share of failures in the window reached <see cref="CircuitBreakerOptions.FailureRatio"/>.</summary>
    FailureRatio,

    /// <summary>The share of slow calls in the window reached <see cref="CircuitBreakerOptions.SlowCallRatio"/>.</summary>
    SlowCallRatio,

    /// <summary>As many calls as <see cref="CircuitBreakerOptions.ConsecutiveFailures"/> failed without a success between them.</summary>
    ConsecutiveFailures,

    /// <summary>The break was over and a call came.</summary>
    BreakElapsed,

    /// <summary>Enough probes succeeded.</summary>
    ProbesSucceeded,

    /// <summary>Too many probes failed.</summary>
    ProbesFailed,

    /// <summary>Somebody called <see cref="CircuitBreaker.Isolate"/>.</summary>
    Isolated,

    /// <summary>Somebody called <see cref="CircuitBreaker.Reset"/>.</summary>
    Reset,
}
