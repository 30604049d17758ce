namespace PipelineOps;

/// <summary>Failures of one stage with one fingerprint.</summary>
/// <param name="Fingerprint">What they share.</param>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="Stage">The stage.</param>
/// <param name="Category">What the error means.</param>
/// <param name="Disposition">Where the last of them ended.</param>
/// <param name="ErrorType">The type of the outermost exception, or the category of failures by result.</param>
/// <param name="Message">The message of the last of them.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Open">How many of them are neither redriven nor discarded.</param>
/// <param name="FirstSeen">When the first one first failed.</param>
/// <param name="LastSeen">When the last one last failed.</param>
/// <param name="Trend">Whether they come more or less often than before.</param>
public sealed record FailureGroup(
    string Fingerprint,
    string Pipeline,
    string Stage,
    ErrorCategory Category,
    Disposition Disposition,
    string ErrorType,
    string Message,
    int Count,
    int Open,
    DateTimeOffset FirstSeen,
    DateTimeOffset LastSeen,
    FailureTrend Trend);
