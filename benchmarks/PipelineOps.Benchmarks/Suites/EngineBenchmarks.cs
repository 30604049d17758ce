using BenchmarkDotNet.Attributes;
using PipelineOps.Benchmarks.Comparison;

namespace PipelineOps.Benchmarks.Suites;

/// <summary>The single-threaded scenarios of the comparison under BenchmarkDotNet, whose statistics and allocation counts say more and take longer.</summary>
[MemoryDiagnoser]
public class EngineBenchmarks
{
    private const int Calls = 1_000;

    private Contender _ours = null!;
    private Contender _theirs = null!;

    public static IEnumerable<string> Names => Scenarios.All().Where(static scenario => scenario.Threads == 1).Select(static scenario => scenario.Name);

    [ParamsSource(nameof(Names))]
    public string Scenario { get; set; } = null!;

    [GlobalSetup]
    public void SetUp()
    {
        Scenario scenario = Scenarios.All().Single(scenario => scenario.Name == Scenario);
        _ours = scenario.Ours;
        _theirs = scenario.Theirs;
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls)]
    public Task Theirs() => _theirs(Calls);

    [Benchmark(OperationsPerInvoke = Calls)]
    public Task Ours() => _ours(Calls);
}
