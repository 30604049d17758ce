using System.Globalization;

namespace PipelineOps;

/// <summary>What a redrive did. Each failure that was sent is counted in exactly one of <see cref="Redriven"/>, <see cref="FailedAgain"/>, <see cref="Discarded"/>, <see cref="Left"/>, <see cref="Failed"/> and <see cref="ClaimsLost"/>.</summary>
public sealed record RedriveSummary
{
    /// <summary>How many failures were sent; in a dry run, how many would be.</summary>
    public int Sent { get; init; }

    /// <summary>How many of those were processed again with success.</summary>
    public int Redriven { get; init; }

    /// <summary>How many of those failed again and are kept as new failures.</summary>
    public int FailedAgain { get; init; }

    /// <summary>How many of those were discarded.</summary>
    public int Discarded { get; init; }

    /// <summary>How many of those were left open because the outcome said so.</summary>
    public int Left { get; init; }

    /// <summary>How many of those threw. They are open again.</summary>
    public int Failed { get; init; }

    /// <summary>
    /// How many of those were no longer claimed when they ended, because they took longer than the lease: the store does not know of their end, and they may
    /// be sent again.
    /// </summary>
    public int ClaimsLost { get; init; }

    /// <summary>How many failures were not sent because they had been redriven as often as is allowed. They are open.</summary>
    public int Capped { get; init; }

    /// <summary>How many failures were not sent because a person has approved them as they are: <see cref="ManualIntervention.ResumeAsync"/> goes on with those.</summary>
    public int Approved { get; init; }

    /// <summary>What the first 100 of the <see cref="Failed"/> threw.</summary>
    public IReadOnlyList<RedriveError> Errors { get; init; } = [];

    /// <summary>Whether the run ended early because too many in a row threw.</summary>
    public bool IsStopped { get; init; }

    /// <summary>Whether nothing was done because it was a dry run.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>In a dry run, the ids of the failures that would be sent, in the order of sending; otherwise empty.</summary>
    public IReadOnlyList<Guid> Planned { get; init; } = [];

    /// <summary>The figures.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsDryRun ? "would send" : "sent")} {Sent}: redriven {Redriven}, failed again {FailedAgain}, discarded {Discarded}, left {Left}, threw {Failed}, claims lost {ClaimsLost}; not sent: capped {Capped}, approved {Approved}{(IsStopped ? "; stopped early" : string.Empty)}");
}
