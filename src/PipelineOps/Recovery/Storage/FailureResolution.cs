namespace PipelineOps;

/// <summary>How a stored failure ends, or, with <see cref="FailureStatus.Open"/>, that a claim on it is given back.</summary>
/// <param name="Status"><see cref="FailureStatus.Redriven"/>, <see cref="FailureStatus.Discarded"/>, or <see cref="FailureStatus.Open"/>.</param>
/// <param name="Actor">Who did it.</param>
/// <param name="Time">When; in UTC.</param>
/// <param name="Reason">Why, if somebody said so.</param>
public sealed record FailureResolution(FailureStatus Status, string Actor, DateTimeOffset Time, string? Reason = null);
