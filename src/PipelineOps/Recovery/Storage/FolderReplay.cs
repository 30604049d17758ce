namespace PipelineOps;

/// <summary>Rebuilds the index from a folder's files, and follows what another process adds to them.</summary>
internal sealed class FolderReplay(StoreFolder folder)
{
    private const int MaxTries = 5;

    private List<Segment> _segments = [];

    // The last line that was replayed and how it began, to notice if the writer took it back and wrote another in its place.
    private LineSpan? _last;
    private byte[] _lastHead = [];

    public FailureIndex Index { get; private set; } = new();

    public List<FailureStoreDamage> Damage { get; private set; } = [];

    /// <summary>Replays files that nobody writes.</summary>
    /// <returns>The files that have to be repaired, each with what is damaged in it, and whether it is enough to cut off its end.</returns>
    public List<(Segment Segment, IReadOnlyList<FailureStoreDamage> Damage, bool IsTail)> Replay(List<Segment> segments)
    {
        List<(Segment, IReadOnlyList<FailureStoreDamage>, bool)> repairs = [];
        foreach (Segment segment in segments)
        {
            using var scanner = new SegmentScanner(segment);
            Replay(scanner, segment);
            segment.Length = scanner.Position;
            if (scanner.Damage.Count == 0 && !scanner.HasUnendedLine)
                continue;

            bool isTail = !scanner.HasUnendedLine && scanner.Damage is [var only] && only.Offset == scanner.IntactEnd;
            repairs.Add((segment, scanner.Damage, isTail));
        }

        return repairs;
    }

    /// <summary>Replays what has been added since the last time.</summary>
    /// <exception cref="IOException">The files changed each time they were read.</exception>
    public void Refresh()
    {
        for (int i = 0; ; i++)
        {
            try
            {
                TryRefresh();
                return;
            }
            catch (FileNotFoundException) when (i < MaxTries)
            {
                // The writer replaced a file after it was listed.
                _segments = [];
            }
        }
    }

    private void TryRefresh()
    {
        List<Segment> files = folder.Segments();
        if (!GoesOn(files))
        {
            Index = new FailureIndex();
            Damage = [];
            _segments = [];
            _last = null;
        }

        for (int i = Math.Max(0, _segments.Count - 1); i < files.Count; i++)
        {
            bool isKnown = i < _segments.Count;
            Segment segment = isKnown ? _segments[i] : files[i];
            using var scanner = new SegmentScanner(segment, segment.Length);
            Replay(scanner, segment);
            segment.Length = Math.Max(segment.Length, scanner.IntactEnd);

            // What is not intact at the end of the newest file is being written.
            Damage.AddRange(i < files.Count - 1 ? scanner.Damage : scanner.Damage.Where(piece => piece.Offset < scanner.IntactEnd));
            if (!isKnown)
            {
                _segments.Add(segment);
                Index.Segments.Add(segment);
            }
        }
    }

    private void Replay(SegmentScanner scanner, Segment segment)
    {
        while (scanner.Next() is { } line)
        {
            Index.Replay(line, scanner.Span);
            if (line.Kind == LogLineKind.Unknown)
                Damage.Add(new FailureStoreDamage(segment.File, scanner.Span.Offset, scanner.Span.Length, "A later version wrote it. It stays in the file."));

            _last = scanner.Span;
            _lastHead = scanner.Bytes[..LogLine.Head].ToArray();
        }
    }

    private bool GoesOn(List<Segment> files)
    {
        if (_segments.Count == 0 || files.Count < _segments.Count || !_segments.Select(static known => known.File).SequenceEqual(files.Take(_segments.Count).Select(static file => file.File)))
            return false;

        if (_last is not { } last)
            return true;

        using Microsoft.Win32.SafeHandles.SafeFileHandle file = last.Segment.OpenToRead();
        byte[] head = new byte[LogLine.Head];
        return RandomAccess.GetLength(file) >= last.Offset + last.Length
            && RandomAccess.Read(file, head, last.Offset) == head.Length
            && head.AsSpan().SequenceEqual(_lastHead);
    }
}
