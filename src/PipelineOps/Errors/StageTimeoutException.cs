using System.Globalization;

namespace PipelineOps;

/// <summary>A deadline of the stage fired and the delegate obeyed its cancellation token.</summary>
public sealed class StageTimeoutException : StageException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="pipeline">The pipeline's name.</param>
    /// <param name="stage">The stage's name.</param>
    /// <param name="kind">Which deadline fired.</param>
    /// <param name="timeout">How long that deadline was.</param>
    /// <param name="innerException">What the delegate threw when it was cancelled, or the last failure before the time ran out.</param>
    public StageTimeoutException(string pipeline, string stage, StageTimeoutKind kind, TimeSpan timeout, Exception? innerException = null)
        : base(
            pipeline,
            stage,
            string.Create(CultureInfo.InvariantCulture, $"Stage {pipeline}/{stage} exceeded its {(kind == StageTimeoutKind.Attempt ? "attempt" : "total")} timeout of {timeout.TotalSeconds:0.###} s."),
            innerException)
    {
        Kind = kind;
        Timeout = timeout;
    }

    /// <summary>Which deadline fired.</summary>
    public StageTimeoutKind Kind { get; }

    /// <summary>How long that deadline was.</summary>
    public TimeSpan Timeout { get; }
}
