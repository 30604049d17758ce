namespace PipelineOps;

/// <summary>
/// How many records may be skipped, that is end neither succeeded nor filtered, before the run fails: a source that is bad throughout should stop the run, not
/// end up in the failure store. Everything stays accounted for.
/// </summary>
public sealed class SkipLimits
{
    /// <summary>How many records of one run may be skipped.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise at least 0.</value>
    public long? MaxPerRun { get; set; }

    /// <summary>Which part of one run's records may be skipped, once <see cref="MinimumRecords"/> have ended.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise from 0 to 1.</value>
    public double? MaxRatioPerRun { get; set; }

    /// <summary>How many records may be skipped within <see cref="Window"/>, over all of the stage's runs and calls.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise at least 0.</value>
    public long? MaxPerWindow { get; set; }

    /// <summary>Which part of the records that ended within <see cref="Window"/> may be skipped, once there are <see cref="MinimumRecords"/>.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise from 0 to 1.</value>
    public double? MaxRatioPerWindow { get; set; }

    /// <summary>The length of the window.</summary>
    /// <value>The default is 5 min; from 1 s to 1 day.</value>
    public TimeSpan Window { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How many records must have ended before a ratio is looked at.</summary>
    /// <value>The default is 100; at least 1.</value>
    public int MinimumRecords { get; set; } = 100;

    internal SkipLimits Copy() => (SkipLimits)MemberwiseClone();

    internal void Validate(OptionsProblems problems, string prefix)
    {
        RequireCount(problems, MaxPerRun, $"{prefix}{nameof(MaxPerRun)}");
        RequireRatio(problems, MaxRatioPerRun, $"{prefix}{nameof(MaxRatioPerRun)}");
        RequireCount(problems, MaxPerWindow, $"{prefix}{nameof(MaxPerWindow)}");
        RequireRatio(problems, MaxRatioPerWindow, $"{prefix}{nameof(MaxRatioPerWindow)}");
        problems.Require(Window >= TimeSpan.FromSeconds(1) && Window <= TimeSpan.FromDays(1), $"{prefix}{nameof(Window)}", Window, "from 1 s to 1 day");
        problems.Require(MinimumRecords >= 1, $"{prefix}{nameof(MinimumRecords)}", MinimumRecords, "at least 1");
    }

    private static void RequireCount(OptionsProblems problems, long? value, string field) =>
        problems.Require(value is null or >= 0, field, value, "at least 0, or null for no limit");

    private static void RequireRatio(OptionsProblems problems, double? value, string field) =>
        problems.Require(value is null or (>= 0 and <= 1), field, value, "from 0 to 1, or null for no limit");
}
