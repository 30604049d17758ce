using System.Globalization;

namespace ApiDocs;

/// <summary>
/// The accounting. Records are counted where they are read and again where they end, by different code, so that a record which gets lost
/// between the two shows.
/// </summary>
internal sealed class Ledger
{
    private readonly long[] _ended = new long[Enum.GetValues<Disposition>().Length];
    private long _read;
    private int _files;

    public long Read => Interlocked.Read(ref _read);

    /// <summary>How many files are finished.</summary>
    public int Files => Volatile.Read(ref _files);

    public long this[Disposition disposition] => Interlocked.Read(ref _ended[(int)disposition]);

    /// <summary>Records that were read and never seen again. Anything but zero is a defect.</summary>
    public long Lost => Read - Enum.GetValues<Disposition>().Sum(disposition => this[disposition]);

    public void AddRead(int records) => Interlocked.Add(ref _read, records);

    public void AddFile() => Interlocked.Increment(ref _files);

    public void AddEnded(Disposition disposition, int records) => Interlocked.Add(ref _ended[(int)disposition], records);

    /// <summary>Every term of the identity.</summary>
    public string Identity => string.Create(
        CultureInfo.InvariantCulture,
        $"read {Read} = succeeded {this[Disposition.Succeeded]} + filtered {this[Disposition.Filtered]} + quarantined {this[Disposition.Quarantined]} + deadLettered {this[Disposition.DeadLettered]} + parked {this[Disposition.Parked]} + inFlight {this[Disposition.InFlight]} + failedUnknown {this[Disposition.FailedUnknown]}");

    /// <summary>The last line of output.</summary>
    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"accounted read={Read} succeeded={this[Disposition.Succeeded]} quarantined={this[Disposition.Quarantined]} deadlettered={this[Disposition.DeadLettered]} lost={Lost}");
}
