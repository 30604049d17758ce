using System.Diagnostics;

namespace PipelineOps;

/// <summary>How a call failed: as its last attempt did, unless a derived type says otherwise.</summary>
internal class CallFailure(AttemptFailure lastAttempt, IReadOnlyList<FailureAttempt>? attempts = null)
{
    public CallFailure(Exception error, ErrorClassification classification)
        : this(new AttemptFailure(error, classification))
    {
    }

    /// <summary>Every attempt that failed, if the call keeps them.</summary>
    public IReadOnlyList<FailureAttempt> Attempts => attempts ?? [];

    /// <summary>Whether there is no exception: the call answers its last result.</summary>
    public virtual bool IsByResult => lastAttempt.Error is null;

    public virtual ErrorClassification Classification => lastAttempt.Classification;

    /// <inheritdoc cref="AttemptFailure.ErrorType"/>
    public virtual string ErrorType => lastAttempt.ErrorType;

    /// <summary>The span of the call that failed; the default if it had none.</summary>
    public ActivityContext Span { get; set; }

    public virtual Exception? ToException() => lastAttempt.Error;
}
