#if !NET9_0_OR_GREATER
using System.Diagnostics;
#endif

namespace PipelineOps;

/// <summary>What the whole process has used.</summary>
/// <param name="ProcessorTime">The time of its processors; <see langword="null"/> where the platform does not tell.</param>
/// <param name="AllocatedBytes">How much it has allocated on the managed heap.</param>
internal readonly record struct ProcessUsage(TimeSpan? ProcessorTime, long AllocatedBytes)
{
    public static ProcessUsage Read() => new(ReadProcessorTime(), GC.GetTotalAllocatedBytes());

    public ProcessUsage Since(ProcessUsage start) => new(ProcessorTime - start.ProcessorTime, AllocatedBytes - start.AllocatedBytes);

    private static TimeSpan? ReadProcessorTime()
    {
        try
        {
#if NET9_0_OR_GREATER
            return Environment.CpuUsage.TotalTime;
#else
            using Process process = Process.GetCurrentProcess();
            return process.TotalProcessorTime;
#endif
        }
        catch (Exception)
        {
            // Not supported, or not allowed: whichever it is, a run goes on without this figure.
            return null;
        }
    }
}
