using System.Globalization;

namespace PipelineOps;

/// <summary>
/// What became of every record, at one moment. However many threads are at work,
/// <c>Read = Succeeded + Filtered + Quarantined + DeadLettered + Parked + InFlight + FailedUnknown</c>, and no term is negative.
/// </summary>
public readonly record struct RecordAccounting
{
    /// <summary>Records that were taken on and not given back.</summary>
    public long Read { get; init; }

    /// <summary>Records whose handler did its work.</summary>
    public long Succeeded { get; init; }

    /// <summary>Records that were left out on purpose.</summary>
    public long Filtered { get; init; }

    /// <summary>Bad records that are kept in the failure store.</summary>
    public long Quarantined { get; init; }

    /// <summary>Records that could not be processed and are kept in the failure store.</summary>
    public long DeadLettered { get; init; }

    /// <summary>Records that are kept in the failure store and wait for a person.</summary>
    public long Parked { get; init; }

    /// <summary>Records that nobody knows of whether they were processed; kept in the failure store.</summary>
    public long FailedUnknown { get; init; }

    /// <summary>Records that have not ended yet, and those that began while this was read.</summary>
    public long InFlight { get; init; }

    /// <summary>Records that were given back to their source. Not a part of <see cref="Read"/>: whoever reads one again counts it then.</summary>
    public long Returned { get; init; }

    /// <summary>How many have ended with a disposition.</summary>
    /// <param name="disposition">The disposition.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such disposition.</exception>
    public long this[Disposition disposition] => disposition switch
    {
        Disposition.Succeeded => Succeeded,
        Disposition.Filtered => Filtered,
        Disposition.Quarantined => Quarantined,
        Disposition.DeadLettered => DeadLettered,
        Disposition.Parked => Parked,
        Disposition.FailedUnknown => FailedUnknown,
        Disposition.Returned => Returned,
        _ => throw new ArgumentOutOfRangeException(nameof(disposition), disposition, "Not a named disposition."),
    };

    /// <summary>Records that ended neither succeeded nor filtered.</summary>
    public long Skipped => Quarantined + DeadLettered + Parked + FailedUnknown;

    /// <summary>Records that were read and are in none of the terms. Anything but zero is a defect of this library.</summary>
    public long Lost => Read - Succeeded - Filtered - Skipped - InFlight;

    /// <summary>The identity with its figures.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"read {Read} = succeeded {Succeeded} + filtered {Filtered} + quarantined {Quarantined} + deadLettered {DeadLettered} + parked {Parked} + inFlight {InFlight} + failedUnknown {FailedUnknown}");
}
