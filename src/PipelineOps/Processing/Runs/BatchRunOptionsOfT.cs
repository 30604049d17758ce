namespace PipelineOps;

/// <summary>How <c>ProcessAllAsync</c> goes through a source in batches.</summary>
/// <typeparam name="T">The type of the records.</typeparam>
public sealed class BatchRunOptions<T> : RunOptions<T>
{
    /// <summary>How many records a batch has at most.</summary>
    /// <value>The default is 100; from 1 to 1,000,000.</value>
    public int BatchSize { get; set; } = 100;

    /// <summary>How long a batch waits for more records once it has its first.</summary>
    /// <value>The default is 1 s; zero for those only that are there at once; at most 1 day.</value>
    public TimeSpan Linger { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>What the handler leaves behind when it fails.</summary>
    /// <value>The default is <see cref="BatchEffect.NonIdempotent"/>: a batch that fails ends as one.</value>
    public BatchEffect Effect { get; set; }

    internal override void Validate(OptionsProblems problems)
    {
        base.Validate(problems);
        problems.Require(BatchSize is >= 1 and <= 1_000_000, nameof(BatchSize), BatchSize, "from 1 to 1000000");
        problems.Require(Linger >= TimeSpan.Zero && Linger <= TimeSpan.FromDays(1), nameof(Linger), Linger, "from 0 to 1 day");
        problems.Require(Enum.IsDefined(Effect), nameof(Effect), Effect, "a named effect");
    }
}
