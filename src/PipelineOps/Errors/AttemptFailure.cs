namespace PipelineOps;

/// <summary>How an attempt failed; without an exception where a rule judged its result.</summary>
internal readonly record struct AttemptFailure(Exception? Error, ErrorClassification Classification)
{
    /// <summary>The value of <c>error.type</c>: a type's name, or the category of a failure by result.</summary>
    public string ErrorType => Error?.GetType().FullName ?? Classification.Category.ToTag();
}
