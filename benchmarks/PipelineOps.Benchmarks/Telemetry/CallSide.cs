namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>Who measures the call.</summary>
internal enum CallSide
{
    /// <summary>The library.</summary>
    Ours,

    /// <summary>What is written by hand, around the library without its telemetry.</summary>
    Hand,

    /// <summary>Nobody: the library without its telemetry.</summary>
    Bare,
}
