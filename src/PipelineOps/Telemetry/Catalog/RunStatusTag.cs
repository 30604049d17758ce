namespace PipelineOps;

internal static class RunStatusTag
{
    /// <summary>By <see cref="RunStatus"/>, without that of a run which has not ended.</summary>
    public static readonly string[] All = ["succeeded", "failed", "abandoned"];

    public static string ToTag(this RunStatus status) => All[(int)status - 1];
}
