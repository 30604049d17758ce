namespace PipelineOps;

/// <summary>Which outcomes a closed circuit judges.</summary>
public enum CircuitWindowKind
{
    /// <summary>Those of the last <see cref="CircuitBreakerOptions.WindowDuration"/>.</summary>
    Time,

    /// <summary>The last <see cref="CircuitBreakerOptions.WindowSize"/>, however old.</summary>
    Count,
}
