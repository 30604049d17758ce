namespace PipelineOps;

/// <summary>Base of the exceptions that a stage itself raises. What the user's delegate throws is never wrapped in one.</summary>
public abstract class StageException : Exception
{
    private protected StageException(string pipeline, string stage, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Pipeline = pipeline;
        Stage = stage;
    }

    /// <summary>The pipeline's name.</summary>
    public string Pipeline { get; }

    /// <summary>The stage's name.</summary>
    public string Stage { get; }
}
