using System.Globalization;

namespace PipelineOps.Benchmarks.Comparison;

/// <summary>Runs the scenarios and prints a line each.</summary>
internal static class ComparisonReport
{
    public static int Run(string[] names, TextWriter output)
    {
        Scenario[] all = [.. Scenarios.All()];
        Scenario[] chosen = names.Length == 0 ? all : [.. all.Where(scenario => names.Contains(scenario.Name))];
        if (chosen.Length < names.Length)
        {
            output.WriteLine($"Unknown scenario. Known: {string.Join(", ", all.Select(static scenario => scenario.Name))}");
            return 2;
        }

        List<double> ratios = [];
        List<string> allocations = [];
        foreach (Scenario scenario in chosen)
        {
            Measurement measured = Measurement.Of(scenario);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"compare {scenario.Name} ratio={measured.Ratio:0.000} ours={measured.OursNanoseconds:0.0} polly={measured.TheirsNanoseconds:0.0} alloc={measured.OursBytes:0.##}"));
            if (scenario.Name is "open-throw" or "retry-twice-throw")
                allocations.Add(string.Create(CultureInfo.InvariantCulture, $"allocations {scenario.Name} ours={measured.OursBytes:0} polly={measured.TheirsBytes:0}"));

            if (scenario.Name != "metered-sync")
                ratios.Add(measured.Ratio);
        }

        allocations.ForEach(output.WriteLine);
        if (names.Length == 0)
        {
            output.WriteLine(StageMemory.Measure());
            double geomean = Math.Exp(ratios.Average(Math.Log));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"compare geomean ratio={geomean:0.000}"));
        }

        return 0;
    }
}
