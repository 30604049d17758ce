namespace PipelineOps;

internal static class CircuitStateTag
{
    /// <summary>By <see cref="CircuitState"/>.</summary>
    public static readonly string[] All = ["closed", "open", "half_open", "isolated"];

    /// <summary>Every change that a circuit can make.</summary>
    public static readonly (CircuitState From, CircuitState To)[] Transitions =
    [
        (CircuitState.Closed, CircuitState.Open),
        (CircuitState.Closed, CircuitState.Isolated),
        (CircuitState.Open, CircuitState.HalfOpen),
        (CircuitState.Open, CircuitState.Closed),
        (CircuitState.Open, CircuitState.Isolated),
        (CircuitState.HalfOpen, CircuitState.Closed),
        (CircuitState.HalfOpen, CircuitState.Open),
        (CircuitState.HalfOpen, CircuitState.Isolated),
        (CircuitState.Isolated, CircuitState.Closed),
    ];

    public static string ToTag(this CircuitState state) => All[(int)state];
}
