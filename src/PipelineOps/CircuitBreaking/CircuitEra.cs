namespace PipelineOps;

/// <summary>
/// One uninterrupted period of a circuit in one state. The object is the generation: a change of state swaps the whole era, and permits report
/// to the era that admitted them, so an outcome that comes too late lands in an object that nobody reads any more.
/// </summary>
internal abstract class CircuitEra(CircuitBreaker breaker, CircuitRules rules, int breaksInARow)
{
    public CircuitRules Rules { get; } = rules;

    public int BreaksInARow { get; } = breaksInARow;

    /// <summary>Transitions up to the start of this era.</summary>
    public long Sequence { get; set; }

    /// <summary>The change of state that began this era; <see langword="null"/> when the state stayed the same.</summary>
    public CircuitTransition? Transition { get; set; }

    /// <summary>The era after this one, until listeners have been told of it.</summary>
    public volatile CircuitEra? Next;

    public abstract CircuitState State { get; }

    /// <summary>How long until a call would be admitted; <see langword="null"/> when time alone does not bring that about.</summary>
    public abstract TimeSpan? RetryAfter { get; }

    protected CircuitBreaker Breaker { get; } = breaker;

    public abstract bool TryAcquire(out CircuitPermit permit);

    public virtual CircuitSnapshot Describe() => new() { State = State, BreaksInARow = BreaksInARow };
}
