namespace PipelineOps;

/// <summary>Which failures a redrive sends, and how fast. Read once, when the run begins.</summary>
public sealed class RedriveOptions
{
    /// <summary>Which failures are sent, as far as they are open.</summary>
    /// <value>The default is <see cref="FailureFilter.All"/>.</value>
    public FailureFilter Filter { get; set; } = FailureFilter.All;

    /// <summary>How many failures are sent at most.</summary>
    /// <value><see langword="null"/> (the default) for all that match; otherwise at least 1.</value>
    public int? MaxCount { get; set; }

    /// <summary>Whether the run only says what it would send: nothing is claimed, sent or changed.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool DryRun { get; set; }

    /// <summary>How many failures are sent in a second at most, evenly spread: what has failed once is not worth overloading a dependency for.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise from 0.0001 to 1,000,000.</value>
    public double? MaxPerSecond { get; set; }

    /// <summary>How often one record is redriven at most: failures whose <see cref="FailureRecord.RedriveCount"/> has reached this stay open, and are counted.</summary>
    /// <value>The default is 3; at least 1.</value>
    public int MaxRedrives { get; set; } = 3;

    /// <summary>
    /// Whether <c>stage.RedriveAsync</c> also sends records of whose payload <see cref="PayloadOptions.Redact"/> took something out: the handler gets what is left.
    /// Without this they stay open and are counted as failed, since what is left may overwrite what is whole.
    /// </summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool AllowRedacted { get; set; }

    /// <summary>How many failures are claimed at a time. Fewer are if that many could not be sent within half a lease at <see cref="MaxPerSecond"/>.</summary>
    /// <value>The default is 100; from 1 to 10,000.</value>
    public int ClaimSize { get; set; } = 100;

    /// <summary>
    /// How long a claim lasts, and so how long a failure waits that a crash left claimed. What is still to be sent when half of it has passed is given back
    /// and claimed anew, so each failure is sent with at least half a lease left: make it twice as long as the slowest record takes. A record that takes
    /// longer than its claim may be sent a second time by another redrive, with the same id.
    /// </summary>
    /// <value>The default is 5 min; from 1 s to 1 day.</value>
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How many failures in a row may throw until the run stops: it is not the records then.</summary>
    /// <value>The default is 10; at least 1; <see langword="null"/> for any number.</value>
    public int? MaxConsecutiveErrors { get; set; } = 10;

    /// <summary>Who redrives; kept with each failure that ends.</summary>
    /// <value>The default is <c>redrive</c>; not empty.</value>
    public string Actor { get; set; } = "redrive";

    internal void Validate()
    {
        var problems = new OptionsProblems();
        problems.Require(Filter is not null, nameof(Filter), null, "set");
        problems.Require(MaxCount is null or >= 1, nameof(MaxCount), MaxCount, "at least 1, or null for no limit");
        problems.Require(MaxPerSecond is null or (>= 0.0001 and <= 1_000_000), nameof(MaxPerSecond), MaxPerSecond, "from 0.0001 to 1000000, or null for no limit");
        problems.Require(MaxRedrives >= 1, nameof(MaxRedrives), MaxRedrives, "at least 1");
        problems.Require(ClaimSize is >= 1 and <= 10_000, nameof(ClaimSize), ClaimSize, "from 1 to 10000");
        problems.Require(Lease >= TimeSpan.FromSeconds(1) && Lease <= TimeSpan.FromDays(1), nameof(Lease), Lease, "from 1 s to 1 day");
        problems.Require(MaxConsecutiveErrors is null or >= 1, nameof(MaxConsecutiveErrors), MaxConsecutiveErrors, "at least 1, or null for no limit");
        problems.Require(!string.IsNullOrWhiteSpace(Actor), nameof(Actor), $"\"{Actor}\"", "the name of who redrives");
        problems.ThrowIfAny();
    }

    internal RedriveOptions Copy() => (RedriveOptions)MemberwiseClone();
}
