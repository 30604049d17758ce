namespace PipelineOps;

/// <summary>How an attempt failed; without an exception where a rule judged its result.</summary>
internal readonly record struct AttemptFailure(Exception? Error, ErrorClassification Classification)
{
    /// <inheritdoc cref="CallFailure.ErrorType"/>
    public string ErrorType => Error?.GetType().FullName ?? StageTelemetry.CategoryName(Classification.Category);
}
