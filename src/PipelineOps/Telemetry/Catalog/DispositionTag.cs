namespace PipelineOps;

internal static class DispositionTag
{
    /// <summary>By <see cref="Disposition"/>.</summary>
    public static readonly string[] All = ["succeeded", "filtered", "quarantined", "dead_lettered", "parked", "failed_unknown", "returned"];

    /// <summary>Those of records that are in the failure store.</summary>
    public static readonly string[] Kept = All[(int)Disposition.Quarantined..(int)Disposition.Returned];

    public static string ToTag(this Disposition disposition) => All[(int)disposition];
}
