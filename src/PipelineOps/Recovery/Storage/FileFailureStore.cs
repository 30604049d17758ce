namespace PipelineOps;

/// <summary>Keeps failures in files.</summary>
public sealed class FileFailureStore
{
}
