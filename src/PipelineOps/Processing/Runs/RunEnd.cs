namespace PipelineOps;

/// <summary>How and when a run ended.</summary>
internal sealed record RunEnd(RunStatus Status, Exception? Error, TimeSpan Duration, ProcessUsage Usage);
