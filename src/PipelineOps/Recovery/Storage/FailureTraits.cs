namespace PipelineOps;

/// <summary>What many failures have in common, and filters ask for. Kept once for all of them.</summary>
internal sealed record FailureTraits(string Fingerprint, string Pipeline, string Stage, string? Run, Disposition Disposition, ErrorCategory Category)
{
    public static FailureTraits Of(FailureRecord record) =>
        new(record.Fingerprint, record.Pipeline, record.Stage, record.Run, record.Disposition, record.Category);
}
