namespace PipelineOps;

/// <summary>What a recovery asks of whoever reads the source.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="At">The earliest time of a <see cref="NextActionKind.RetryAt"/>; when the circuit lets the next call through, if that is known, for <see cref="NextActionKind.OpenCircuit"/>; otherwise <see langword="null"/>.</param>
public readonly record struct NextAction(NextActionKind Kind, DateTimeOffset? At = null)
{
    /// <summary>Go on with the next record.</summary>
    public static NextAction Continue => new(NextActionKind.Continue);

    /// <summary>Give the record back to its source.</summary>
    public static NextAction Requeue => new(NextActionKind.Requeue);

    /// <summary>Go on; the record waits for a person.</summary>
    public static NextAction Park => new(NextActionKind.Park);

    /// <summary>Stop the run.</summary>
    public static NextAction FailRun => new(NextActionKind.FailRun);

    /// <summary>Process the same record again later.</summary>
    /// <param name="time">Not before this.</param>
    public static NextAction RetryAt(DateTimeOffset time) => new(NextActionKind.RetryAt, time);

    /// <summary>Stop reading until the circuit lets calls through.</summary>
    /// <param name="time">When it will, if that is known.</param>
    public static NextAction OpenCircuit(DateTimeOffset? time = null) => new(NextActionKind.OpenCircuit, time);
}
