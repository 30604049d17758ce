namespace PipelineOps.Tests.Recovery;

/// <summary>An error that means what a test wants it to mean.</summary>
internal sealed class ClassifiedException(ErrorClassification classification, string message = "as asked") : Exception(message)
{
    public ErrorClassification Classification { get; } = classification;
}
