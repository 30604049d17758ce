using System.Diagnostics;

namespace PipelineOps.Benchmarks.Comparison;

/// <summary>What ten thousand stages with the default options weigh, and how long one takes to make.</summary>
internal static class StageMemory
{
    private const int Stages = 10_000;

    public static string Measure()
    {
        Fill(new PipelineStage[256]);
        var stages = new PipelineStage[Stages];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long start = Stopwatch.GetTimestamp();
        Fill(stages);
        double microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds / Stages;
        long bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / Stages;
        GC.KeepAlive(stages);
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"memory stages={Stages} bytes_per_stage={bytes} create_us={microseconds:0.0}");
    }

    private static void Fill(PipelineStage[] stages)
    {
        for (int i = 0; i < stages.Length; i++)
            stages[i] = PipelineStage.Create("benchmark", "stage");
    }
}
