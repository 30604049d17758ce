using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using PipelineOps.Benchmarks.Comparison;
using PipelineOps.Benchmarks.Isolation;
using PipelineOps.Benchmarks.Records;
using PipelineOps.Benchmarks.Telemetry;

switch (args)
{
    case ["compare", .. string[] names]:
        return ComparisonReport.Run(names, Console.Out);
    case ["isolation"]:
        return IsolationReport.Run(Console.Out);
    case ["records"]:
        return RecordsReport.Run(Console.Out);
    case ["telemetry", MeasuringLoop.Argument, string listening, string isSupported]:
        return MeasuringLoop.Run(listening, bool.Parse(isSupported), Console.In, Console.Out);
    case ["telemetry", .. string[] names]:
        return TelemetryReport.Run(names, Console.Out);
    case []:
        Console.WriteLine("Usage: -- compare [scenario …]   compares with Polly.Core in one process, in under a minute");
        Console.WriteLine("       -- isolation              counts the calls that finding the bad records of a batch takes, in seconds");
        Console.WriteLine("       -- records                measures healthy records and durable appends, in seconds");
        Console.WriteLine("       -- telemetry [case …]     measures what telemetry costs a healthy call, ours and written by hand, in two minutes");
        Console.WriteLine("       -- --filter '*'           runs the BenchmarkDotNet suites, in some minutes; '*Part*' or '*Engine*' for one");
        return 0;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(ComparisonReport).Assembly).Run(args, DefaultConfig.Instance.AddJob(Job.ShortRun));
        return 0;
}
