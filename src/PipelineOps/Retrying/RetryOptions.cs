namespace PipelineOps;

/// <summary>How often, how soon and on whose account a stage tries again.</summary>
public sealed class RetryOptions
{
    /// <summary>How many times a call is tried again after its first attempt.</summary>
    /// <value>Default: 3. Zero or more; zero means that nothing is retried.</value>
    public int MaxRetries { get; set; } = 3;

    /// <summary>How long to wait before a retry of an error that the classification wants retried with backoff.</summary>
    /// <value>Default: exponential from 200 ms to 30 s with full jitter.</value>
    public Backoff Backoff { get; set; } = Backoff.Default;

    /// <summary>How long to wait before a retry of an error whose strategy is <see cref="RecoveryStrategy.StandardRetry"/>.</summary>
    /// <value>Default: <see langword="null"/>, the same as <see cref="Backoff"/>.</value>
    public Backoff? StandardBackoff { get; set; }

    /// <summary>Pays for retries; when it is empty, calls fail with their last error instead of retrying. Share one between the stages that call one dependency.</summary>
    /// <value>Default: <see langword="null"/>, retries are limited by <see cref="MaxRetries"/> alone.</value>
    public RetryBudget? Budget { get; set; }

    internal void Validate(OptionsProblems problems, string path)
    {
        problems.Require(MaxRetries >= 0, path + nameof(MaxRetries), MaxRetries, "zero or more");
        problems.Require(Backoff is not null, path + nameof(Backoff), Backoff, "set");
    }
}
