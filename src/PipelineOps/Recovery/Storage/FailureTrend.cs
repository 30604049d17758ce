namespace PipelineOps;

/// <summary>Whether failures of a group come more or less often than before.</summary>
public enum FailureTrend : byte
{
    /// <summary>About as often.</summary>
    Steady,

    /// <summary>More often.</summary>
    Rising,

    /// <summary>Less often, or no more.</summary>
    Falling,
}
