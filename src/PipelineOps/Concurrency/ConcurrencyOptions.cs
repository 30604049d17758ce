namespace PipelineOps;

/// <summary>How many calls of a stage may run at once, and how many may wait for their turn.</summary>
public sealed class ConcurrencyOptions
{
    /// <summary>How many calls may run at once. A call keeps its slot over its retries.</summary>
    /// <value>Default: <see langword="null"/>, unlimited. Otherwise 1 or more.</value>
    public int? MaxConcurrent { get; set; }

    /// <summary>How many calls may wait for a slot, first come, first served; those beyond are rejected with <see cref="ConcurrencyLimitException"/>.</summary>
    /// <value>Default: 0, nobody waits. Zero or more. Without meaning while <see cref="MaxConcurrent"/> is <see langword="null"/>.</value>
    public int MaxQueued { get; set; }

    internal void Validate(OptionsProblems problems, string path)
    {
        problems.Require(MaxConcurrent is null or >= 1, path + nameof(MaxConcurrent), MaxConcurrent, "1 or more, or null for unlimited");
        problems.Require(MaxQueued >= 0, path + nameof(MaxQueued), MaxQueued, "zero or more");
    }
}
