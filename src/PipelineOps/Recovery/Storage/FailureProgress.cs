namespace PipelineOps;

/// <summary>What became of a failure, and which lines say so. Most failures have none.</summary>
internal sealed class FailureProgress
{
    public string? Owner { get; set; }

    public DateTimeOffset Until { get; set; }

    public LineSpan? ClaimLine { get; set; }

    public FailureDecision? Decision { get; set; }

    public LineSpan? DecisionLine { get; set; }

    public FailureResolution? Resolution { get; set; }

    public LineSpan? ResolutionLine { get; set; }
}
