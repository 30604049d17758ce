namespace PipelineOps;

/// <summary>How <c>ProcessAllAsync</c> goes through a source record by record.</summary>
/// <typeparam name="T">The type of the records.</typeparam>
public sealed class RecordRunOptions<T> : RunOptions<T>;
