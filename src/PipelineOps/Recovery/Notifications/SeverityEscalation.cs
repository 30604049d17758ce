namespace PipelineOps;

/// <summary>
/// Raises the severity of failures that keep coming: while a fingerprint occurs often enough within the window, its failures are one level more severe.
/// When the window holds fewer of them again, so is their severity. Thread-safe; asked for failures only, so a lock is cheap enough.
/// </summary>
internal sealed class SeverityEscalation(EscalationOptions options, TimeProvider timeProvider)
{
    // Bounds the memory to a quarter of a megabyte. A source that invents fingerprints pushes out those that were not seen for longest.
    private const int MaxFingerprints = 1_000;

    private readonly object _gate = new();
    private readonly int? _occurrences = options.Occurrences;
    private readonly WindowClock _clock = new(options.Window, timeProvider);
    private readonly Dictionary<string, LinkedListNode<(string Fingerprint, WindowCount Count)>> _byFingerprint = [];
    private readonly LinkedList<(string Fingerprint, WindowCount Count)> _leastRecentlySeen = [];

    public ErrorSeverity Escalate(string fingerprint, ErrorSeverity severity)
    {
        if (_occurrences is not { } occurrences || severity >= ErrorSeverity.Critical)
            return severity;

        lock (_gate)
        {
            WindowCount count = Find(fingerprint);
            long epoch = _clock.Epoch;
            count.Add(epoch, 1);
            return count.Sum(epoch) >= occurrences ? severity + 1 : severity;
        }
    }

    private WindowCount Find(string fingerprint)
    {
        if (_byFingerprint.TryGetValue(fingerprint, out LinkedListNode<(string Fingerprint, WindowCount Count)>? node))
        {
            _leastRecentlySeen.Remove(node);
        }
        else
        {
            if (_byFingerprint.Count == MaxFingerprints)
            {
                _byFingerprint.Remove(_leastRecentlySeen.First!.Value.Fingerprint);
                _leastRecentlySeen.RemoveFirst();
            }

            node = new((fingerprint, new WindowCount(_clock, striped: false)));
            _byFingerprint.Add(fingerprint, node);
        }

        _leastRecentlySeen.AddLast(node);
        return node.Value.Count;
    }
}
