namespace PipelineOps.Tests;

/// <summary>
/// Tests that run one at a time, after all others: those that listen to the process's only activity source, which every stage of the process then
/// serves, and those that count what the process allocates.
/// </summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
