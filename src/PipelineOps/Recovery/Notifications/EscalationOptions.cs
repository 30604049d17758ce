namespace PipelineOps;

/// <summary>When a failure that keeps coming becomes more severe: a fingerprint that repeats often enough within a window goes up one level.</summary>
public sealed class EscalationOptions
{
    /// <summary>How many failures with one fingerprint within <see cref="Window"/> raise the severity of the last of them, and of those that follow, by one level.</summary>
    /// <value>The default is 100; at least 2; <see langword="null"/> for never.</value>
    public int? Occurrences { get; set; } = 100;

    /// <summary>The length of the window.</summary>
    /// <value>The default is 5 min; from 1 s to 1 day.</value>
    public TimeSpan Window { get; set; } = TimeSpan.FromMinutes(5);

    internal EscalationOptions Copy() => (EscalationOptions)MemberwiseClone();

    internal void Validate(OptionsProblems problems, string prefix)
    {
        problems.Require(Occurrences is null or >= 2, $"{prefix}{nameof(Occurrences)}", Occurrences, "at least 2, or null for never");
        problems.Require(Window >= TimeSpan.FromSeconds(1) && Window <= TimeSpan.FromDays(1), $"{prefix}{nameof(Window)}", Window, "from 1 s to 1 day");
    }
}
