namespace PipelineOps;

/// <summary>How the bad records of a batch are found, and how batches follow what the dependency takes.</summary>
public sealed class BatchOptions
{
    /// <summary>How many calls one isolation may make, the failed one of the whole batch included; beyond that the rest of the batch ends as one.</summary>
    /// <value>The default is 10,000; at least 1, which allows no search; <see langword="null"/> for as many as it takes, which is at most twice the batch's records and two.</value>
    public int? MaxIsolationCalls { get; set; } = 10_000;

    /// <summary>How long one isolation may take; beyond that the rest of the batch ends as one.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise more than zero.</value>
    public TimeSpan? IsolationTimeout { get; set; }

    /// <summary>How many records of one batch an isolation may set aside; beyond that the rest of the batch ends as one.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise at least 0.</value>
    public int? MaxSkipped { get; set; }

    /// <summary>Which part of one batch's records an isolation may set aside; beyond that the rest of the batch ends as one.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise from 0 to 1.</value>
    public double? MaxSkippedRatio { get; set; }

    /// <summary>
    /// How many records are called one by one after a first suspect, none having succeeded, before the failure is the dependency's and not theirs. One that succeeds
    /// proves the ones before it bad.
    /// </summary>
    /// <value>The default is 3; at least 1.</value>
    public int Witnesses { get; set; } = 3;

    /// <summary>By how many records the size grows again after a success below the size that last failed.</summary>
    /// <value><see langword="null"/> (the default) for a sixteenth of the size that last failed, and at least one; otherwise at least 1.</value>
    public int? CapacityStep { get; set; }

    /// <summary>How long a size that failed is not tried again. Doubles each time it fails again, up to 32 times this.</summary>
    /// <value>The default is 1 min; more than zero.</value>
    public TimeSpan CeilingDuration { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The same for a batch whose records are taken at their word, because waiting for a witness did not help.</summary>
    internal BatchOptions WithoutWitness()
    {
        BatchOptions copy = Copy();
        copy.Witnesses = int.MaxValue;
        return copy;
    }

    internal BatchOptions Copy() => (BatchOptions)MemberwiseClone();

    internal void Validate(OptionsProblems problems, string prefix)
    {
        problems.Require(MaxIsolationCalls is null or >= 1, $"{prefix}{nameof(MaxIsolationCalls)}", MaxIsolationCalls, "at least 1, or null for no limit");
        problems.Require(IsolationTimeout is null || IsolationTimeout > TimeSpan.Zero, $"{prefix}{nameof(IsolationTimeout)}", IsolationTimeout, "more than zero, or null for no limit");
        problems.Require(MaxSkipped is null or >= 0, $"{prefix}{nameof(MaxSkipped)}", MaxSkipped, "at least 0, or null for no limit");
        problems.Require(MaxSkippedRatio is null or (>= 0 and <= 1), $"{prefix}{nameof(MaxSkippedRatio)}", MaxSkippedRatio, "from 0 to 1, or null for no limit");
        problems.Require(Witnesses >= 1, $"{prefix}{nameof(Witnesses)}", Witnesses, "at least 1");
        problems.Require(CapacityStep is null or >= 1, $"{prefix}{nameof(CapacityStep)}", CapacityStep, "at least 1, or null for a sixteenth of the size that last failed");
        problems.Require(CeilingDuration > TimeSpan.Zero && CeilingDuration <= TimeSpan.FromDays(1), $"{prefix}{nameof(CeilingDuration)}", CeilingDuration, "more than zero and at most 1 day");
    }
}
