namespace PipelineOps;

/// <summary>What a circuit does with calls.</summary>
public enum CircuitState
{
    /// <summary>Calls pass and their outcomes are counted.</summary>
    Closed,

    /// <summary>Calls are rejected until the break is over.</summary>
    Open,

    /// <summary>A limited number of calls pass as probes; their outcomes close or reopen the circuit.</summary>
    HalfOpen,

    /// <summary>Calls are rejected until somebody resets the circuit.</summary>
    Isolated,
}
