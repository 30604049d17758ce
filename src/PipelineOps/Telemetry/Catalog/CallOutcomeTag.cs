namespace PipelineOps;

internal static class CallOutcomeTag
{
    /// <summary>By <see cref="CallOutcome"/>.</summary>
    public static readonly string[] All = ["succeeded", "succeeded_after_retry", "failed_without_retry", "failed_after_retries"];
}
