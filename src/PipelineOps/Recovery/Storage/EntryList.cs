namespace PipelineOps;

/// <summary>Entries in the order in which they were appended. Those that leave are skipped, and cleared away once there are more of them than others.</summary>
internal sealed class EntryList(Predicate<FailureEntry> stays)
{
    private readonly List<FailureEntry> _entries = [];
    private int _first;
    private int _left;

    public int Count => _entries.Count - _left;

    public void Add(FailureEntry entry) => _entries.Add(entry);

    /// <summary>Call once for each entry that no longer stays.</summary>
    public void Remove()
    {
        _left++;
        while (_first < _entries.Count && !stays(_entries[_first]))
            _first++;

        if (_left > 64 && _left > _entries.Count / 2)
        {
            _entries.RemoveAll(entry => !stays(entry));
            _first = 0;
            _left = 0;
        }
    }

    public IEnumerable<FailureEntry> Enumerate()
    {
        for (int i = _first; i < _entries.Count; i++)
        {
            if (stays(_entries[i]))
                yield return _entries[i];
        }
    }
}
