namespace PipelineOps;

/// <summary>One exception of a failure's chain.</summary>
/// <param name="Type">The full name of its type.</param>
/// <param name="Message">Its message.</param>
/// <param name="Depth">0 for the outermost, 1 for what that wraps, and so on; the branches of an aggregate share their depth.</param>
public sealed record FailureCause(string Type, string Message, int Depth);
