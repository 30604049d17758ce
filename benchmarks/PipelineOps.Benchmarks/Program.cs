using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using PipelineOps.Benchmarks.Comparison;

switch (args)
{
    case ["compare", .. var names]:
        return ComparisonReport.Run(names, Console.Out);
    case []:
        Console.WriteLine("Usage: -- compare [scenario …]      a comparison with Polly.Core in one process, in under a minute");
        Console.WriteLine("       -- --filter '*' [--job short]  the BenchmarkDotNet suites");
        return 0;
    default:
        // Without an output folder of its own the toolchain refuses to run from a temporary one.
        BenchmarkSwitcher.FromAssembly(typeof(ComparisonReport).Assembly)
            .Run(args, ManualConfig.Create(DefaultConfig.Instance).AddJob(Job.ShortRun));
        return 0;
}
