namespace PipelineOps.Benchmarks.Comparison;

/// <summary>One side of a scenario: runs a number of calls, one after the other, and answers how many it was asked for.</summary>
internal delegate Task Contender(int calls);
