namespace PipelineOps;

/// <summary>A failure whose sending threw. It stays open.</summary>
/// <param name="Id">The failure's id.</param>
/// <param name="Exception">What was thrown.</param>
public sealed record RedriveError(Guid Id, Exception Exception);
