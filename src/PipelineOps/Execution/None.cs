namespace PipelineOps;

/// <summary>The result of a delegate that has none.</summary>
internal readonly struct None;
