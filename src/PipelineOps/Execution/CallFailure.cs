namespace PipelineOps;

/// <summary>Why a call failed: an exception, a <see cref="Rejection"/>, or nothing where a result rule judged the value; and what it means.</summary>
internal readonly record struct CallFailure(object? Error, ErrorClassification Classification)
{
    /// <summary>The value of <c>error.type</c>: a type's name, or the category of a failure by result.</summary>
    public string ErrorType => Error switch
    {
        Rejection rejection => rejection.ErrorType,
        Exception exception => exception.GetType().FullName!,
        _ => StageTelemetry.CategoryName(Classification.Category),
    };

    public Exception? ToException() => Error is Rejection rejection ? rejection.ToException(Classification.RetryAfter) : (Exception?)Error;
}
