namespace PipelineOps;

/// <summary>For whom and for how long failures are claimed.</summary>
/// <param name="Owner">Identifies the claim: only who names the same owner can resolve what it holds. Give every redrive its own.</param>
/// <param name="Duration">After this the claim ends by itself, so that a crash does not hold failures for ever.</param>
public readonly record struct FailureLease(string Owner, TimeSpan Duration);
