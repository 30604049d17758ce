namespace PipelineOps;

/// <summary>What a circuit breaker makes of a failure.</summary>
public enum CircuitEffect : byte
{
    /// <summary>The dependency's fault: counts towards opening the circuit.</summary>
    Failure,

    /// <summary>Not the dependency's fault (the record, the caller or the program): neither trips, nor closes, nor dilutes the ratio.</summary>
    Neutral,
}
