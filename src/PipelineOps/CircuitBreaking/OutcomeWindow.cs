namespace PipelineOps;

/// <summary>The recent outcomes of a closed circuit.</summary>
internal abstract class OutcomeWindow
{
    /// <summary>Counts a success that was not slow. False when it cannot have broken a rule, so that the judgement can be spared.</summary>
    public abstract bool AddSuccess();

    /// <summary>Counts a failure or a slow call; either must be judged.</summary>
    public abstract void Add(bool failed, bool slow);

    /// <summary>The ratio rule that the window breaks now, if any.</summary>
    public abstract CircuitTransitionReason? Judge();

    /// <summary>As <see cref="Judge"/>, after <see cref="Add"/>: a window may find that out with less work.</summary>
    public virtual CircuitTransitionReason? JudgeSuspect() => Judge();

    public abstract WindowCounts Count();
}
