namespace PipelineOps;

/// <summary>Maps an exception to its <see cref="ErrorClassification"/>.</summary>
public sealed class ErrorClassifier
{
    /// <summary>The default rules alone.</summary>
    public static ErrorClassifier Default { get; } = new();

    private readonly ErrorClassification _otherwise = ErrorClassification.Unknown;

    private ErrorClassifier()
    {
    }

    /// <summary>Classifies an exception.</summary>
    public ErrorClassification Classify(Exception exception, CancellationToken callerToken = default) =>
        exception is OperationCanceledException && callerToken.IsCancellationRequested ? ErrorClassification.Cancelled : _otherwise;
}
