namespace PipelineOps;

/// <summary>What a person decided on a parked record.</summary>
/// <param name="Kind">The decision.</param>
/// <param name="Actor">Who decided.</param>
/// <param name="Reason">Why.</param>
/// <param name="Time">When; in UTC.</param>
public sealed record FailureDecision(FailureDecisionKind Kind, string Actor, string Reason, DateTimeOffset Time);
