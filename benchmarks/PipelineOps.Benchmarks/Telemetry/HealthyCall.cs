namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>
/// The call of the scenario <c>retry-breaker-sync</c>. One delegate for all sides: the compiler guesses which one a stage invokes, and a second would halve its luck.
/// </summary>
internal static class HealthyCall
{
    public static readonly Func<object, CancellationToken, ValueTask<int>> Action = static (_, _) => new ValueTask<int>(1);
    public static readonly object State = new();
}
