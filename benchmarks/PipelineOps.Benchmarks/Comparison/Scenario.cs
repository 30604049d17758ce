namespace PipelineOps.Benchmarks.Comparison;

/// <summary>The same protection, built with this library and with the other.</summary>
/// <param name="Name">The name in the output.</param>
/// <param name="Ours">This library.</param>
/// <param name="Theirs">What it is compared with.</param>
/// <param name="Threads">How many threads run it at once; the time is per call of one thread.</param>
internal sealed record Scenario(string Name, Contender Ours, Contender Theirs, int Threads = 1);
