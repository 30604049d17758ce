namespace PipelineOps;

/// <summary>How a call failed: by what its last attempt threw, or, without an exception, by a result that a rule judged.</summary>
internal class CallFailure(Exception? error, ErrorClassification classification)
{
    /// <summary>Whether there is no exception: the call answers its last result.</summary>
    public virtual bool IsByResult => error is null;

    public virtual ErrorClassification Classification => classification;

    /// <inheritdoc cref="AttemptFailure.ErrorType"/>
    public virtual string ErrorType => new AttemptFailure(error, classification).ErrorType;

    public virtual Exception? ToException() => error;
}
