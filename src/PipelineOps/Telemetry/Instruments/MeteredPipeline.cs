namespace PipelineOps;

/// <summary>What is measured of a pipeline as a whole: its runs and its queues. Shared by everything of one name and one meter, for a series can be told only once.</summary>
internal sealed class MeteredPipeline(string name, RunCounts runs)
{
    public string Name => name;

    public KeyValuePair<string, object?> Tag => runs.Pipeline;

    public RunCounts Runs => runs;

    public ObservedQueues Queues { get; } = new();

    /// <summary>How many stages have joined and not left; for <see cref="MeteredPipelines"/>.</summary>
    public int Stages { get; set; }
}
