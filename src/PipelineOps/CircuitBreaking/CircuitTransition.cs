namespace PipelineOps;

/// <summary>One change of a circuit's state.</summary>
public readonly record struct CircuitTransition
{
    /// <summary>The state that ended.</summary>
    public CircuitState From { get; init; }

    /// <summary>The state that began.</summary>
    public CircuitState To { get; init; }

    /// <summary>Why the state changed.</summary>
    public CircuitTransitionReason Reason { get; init; }

    /// <summary>When the state changed, by the wall clock.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>The transition's number in the life of its circuit, from 1 without gaps.</summary>
    public long Sequence { get; init; }

    /// <summary>How long the circuit stays open; <see langword="null"/> unless <see cref="To"/> is <see cref="CircuitState.Open"/>.</summary>
    public TimeSpan? BreakDuration { get; init; }
}
