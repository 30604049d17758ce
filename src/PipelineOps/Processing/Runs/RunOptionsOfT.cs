namespace PipelineOps;

/// <summary>How <c>ProcessAllAsync</c> goes through a source.</summary>
/// <typeparam name="T">The type of the records.</typeparam>
public abstract class RunOptions<T>
{
    private protected RunOptions()
    {
    }

    /// <summary>
    /// The run that the records belong to. Several calls, as those of a pipeline's stages, can share one, whose accounting is then the sum of theirs. Only who began it
    /// ends it.
    /// </summary>
    /// <value>
    /// <see langword="null"/> (the default) for <see cref="PipelineRun.Current"/>; where there is none, or it has ended, for a run of its own, which ends with the call: it
    /// has succeeded if the source has ended, is abandoned if the call was stopped, and failed if it could not go on.
    /// </value>
    public PipelineRun? Run { get; set; }

    /// <summary>
    /// The name under which the source's length is measured while the call goes through it, if the source is a channel that can count. A channel that the pipeline observes
    /// already (<see cref="Pipeline.ObserveQueue{T}"/>), or whose name it observes by a callback, is not measured a second time.
    /// </summary>
    /// <value><see langword="null"/> (the default) for <c>&lt;stage&gt;.in</c>; 1 to 100 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</value>
    public string? QueueName { get; set; }

    /// <summary>How many records or batches are processed at once. No more than these are read ahead.</summary>
    /// <value>The default is 1; from 1 to 10,000.</value>
    public int MaxParallelism { get; set; } = 1;

    /// <summary>Whether records are acknowledged in the order of the source, as a position needs that can only move forward. They are processed in parallel all the same.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool Ordered { get; set; }

    /// <summary>Which records are processed; the others end as filtered, and are acknowledged too. If it throws, the run fails.</summary>
    /// <value><see langword="null"/> (the default) for all.</value>
    public Func<T, bool>? Filter { get; set; }

    /// <summary>
    /// Told of each record that is settled, after what is kept of it is safe: commit the position or acknowledge the message here. Never told of a record that was
    /// returned. If it throws, the run fails.
    /// </summary>
    /// <value><see langword="null"/> (the default) for nobody.</value>
    public Func<T, RecordResult, ValueTask>? Acknowledge { get; set; }

    /// <summary>
    /// Ends the reading; the records that were read by then are finished, however long that takes: one that is held until its circuit closes or the failure
    /// store works again is waited for. The token of the call itself also cancels these.
    /// </summary>
    public CancellationToken StopReading { get; set; }

    internal RunOptions<T> Copy() => (RunOptions<T>)MemberwiseClone();

    internal virtual void Validate(OptionsProblems problems) =>
        problems.Require(MaxParallelism is >= 1 and <= 10_000, nameof(MaxParallelism), MaxParallelism, "from 1 to 10000");
}
