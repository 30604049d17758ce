namespace PipelineOps;

/// <summary>How busy a concurrency limit is.</summary>
internal readonly record struct ConcurrencyReading(int Active, int Queued, int Limit);
