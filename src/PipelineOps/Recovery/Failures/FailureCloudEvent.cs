namespace PipelineOps;

/// <summary>Failures as CloudEvents 1.0.</summary>
public static class FailureCloudEvent
{
}
