namespace PipelineOps;

/// <summary>The stage did not invoke the delegate, to protect the dependency or the process. The work can be tried again later.</summary>
public abstract class StageRejectedException : StageException
{
    private protected StageRejectedException(string pipeline, string stage, string message)
        : base(pipeline, stage, message)
    {
    }

    /// <summary>How long to wait before trying again, never negative; <see langword="null"/> if that cannot be known.</summary>
    public TimeSpan? RetryAfter { get; private protected init; }
}
