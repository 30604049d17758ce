namespace PipelineOps;

/// <summary>Decides on one exception: <see langword="false"/> leaves it to the next rule; <see langword="true"/> without an answer passes it through to what it wraps.</summary>
internal delegate bool ErrorRule(Exception exception, out ErrorClassification? answer);
