namespace PipelineOps;

/// <summary>
/// What a store knows of its failures without reading them: the outcome of all durable lines, replayed in their order. Everything here is done under
/// <see cref="Gate"/>.
/// </summary>
internal sealed class FailureIndex
{
    private const int MaxShared = 10_000;

    private readonly Dictionary<Guid, FailureEntry> _entries = [];
    private readonly EntryList _all = new(static entry => !entry.IsForgotten);
    private readonly EntryList _unfinished = new(static entry => entry.IsUnfinished);
    private readonly Dictionary<FailureTraits, FailureTraits> _traits = [];
    private readonly Dictionary<string, string> _names = [];

    // How many lines of failures that are forgotten are still in the files: as long as there are, so must be the line that says so.
    private readonly Dictionary<Guid, int> _deadLines = [];

    public object Gate { get; } = new();

    /// <summary>The files, the oldest first.</summary>
    public List<Segment> Segments { get; } = [];

    public long TotalBytes => Segments.Sum(static segment => segment.Length);

    public FailureEntry? Find(Guid id) => _entries.GetValueOrDefault(id);

    public IEnumerable<FailureEntry> Where(FailureFilter filter, DateTimeOffset now) => Candidates(filter, _all).Where(entry => entry.Matches(filter, now));

    public IEnumerable<FailureEntry> UnfinishedWhere(FailureFilter filter, DateTimeOffset now) =>
        Candidates(filter, _unfinished).Where(entry => entry.IsUnfinished && entry.Matches(filter, now));

    public IEnumerable<FailureEntry> All() => _all.Enumerate();

    /// <summary>Does what a line of a file says.</summary>
    public void Replay(LogLine line, LineSpan span)
    {
        switch (line.Kind)
        {
            case LogLineKind.Segment:
                span.Segment.Begun = line.Begun;
                return;
            case LogLineKind.Failure:
                Add(line.Id, line.Traits!, line.FirstFailedAt, line.LastFailedAt, span);
                return;
        }

        if (Find(line.Id) is not { } entry)
            return;

        switch (line.Kind)
        {
            case LogLineKind.Claim:
                Claim(entry, line.Owner!, line.Until, span);
                break;
            case LogLineKind.Release:
                Release(entry);
                break;
            case LogLineKind.Decision:
                Decide(entry, line.Decision!, span);
                break;
            case LogLineKind.Resolution:
                Resolve(entry, line.Resolution!, span);
                break;
            case LogLineKind.Purge:
                Forget(entry);
                break;
        }
    }

    public void Add(Guid id, FailureTraits traits, DateTimeOffset firstFailedAt, DateTimeOffset lastFailedAt, LineSpan span)
    {
        // A copy is in the files if an append failed after it was written and could not be taken back, and was then repeated.
        if (_entries.ContainsKey(id))
        {
            AddDeadLine(id);
            return;
        }

        var entry = new FailureEntry(id, Shared(traits), firstFailedAt, lastFailedAt, span);
        _entries.Add(id, entry);
        _all.Add(entry);
        _unfinished.Add(entry);
        span.Segment.LiveBytes += span.Length;
    }

    public void Claim(FailureEntry entry, string owner, DateTimeOffset until, LineSpan span)
    {
        if (entry.Progress?.Resolution is not null)
            return;

        Release(entry);
        FailureProgress progress = entry.Progress ??= new FailureProgress();
        progress.Owner = Shared(owner);
        progress.Until = until;
        progress.ClaimLine = Live(span);
    }

    public static void Release(FailureEntry entry)
    {
        if (entry.Progress is not { } progress)
            return;

        progress.Owner = null;
        progress.ClaimLine = Dead(progress.ClaimLine);
    }

    public void Decide(FailureEntry entry, FailureDecision decision, LineSpan span)
    {
        if (entry.Progress is { Decision: not null } or { Resolution: not null })
            return;

        FailureProgress progress = entry.Progress ??= new FailureProgress();
        progress.Decision = decision with { Actor = Shared(decision.Actor), Reason = Shared(decision.Reason) };
        progress.DecisionLine = Live(span);
        if (decision.Kind == FailureDecisionKind.Skip)
            End(entry, new FailureResolution(FailureStatus.Discarded, progress.Decision.Actor, decision.Time, progress.Decision.Reason));
    }

    public void Resolve(FailureEntry entry, FailureResolution resolution, LineSpan span)
    {
        if (entry.Progress?.Resolution is not null)
            return;

        End(entry, resolution with { Actor = Shared(resolution.Actor), Reason = resolution.Reason is { } reason ? Shared(reason) : null });
        entry.Progress!.ResolutionLine = Live(span);
    }

    public void Forget(FailureEntry entry)
    {
        bool wasUnfinished = entry.IsUnfinished;
        entry.IsForgotten = true;
        _entries.Remove(entry.Id);
        _all.Remove();
        if (wasUnfinished)
            _unfinished.Remove();

        Dead(entry.Line);
        if (entry.Progress is { } progress)
        {
            Dead(progress.ClaimLine);
            Dead(progress.DecisionLine);
            Dead(progress.ResolutionLine);
        }

        AddDeadLine(entry.Id);
    }

    /// <summary>Whether a line must be kept when its file is rewritten.</summary>
    public bool Needs(LogLine line, Segment segment, long offset, DateTimeOffset now)
    {
        FailureEntry? entry = Find(line.Id);
        return line.Kind switch
        {
            LogLineKind.Failure => entry is not null && entry.Line.Segment == segment && entry.Line.Offset == offset,

            // A claim that has expired means as much as none; so does giving it back.
            LogLineKind.Claim or LogLineKind.Release => entry is not null && line.Until > now,
            LogLineKind.Decision => entry?.Progress?.DecisionLine is { } known && known.Segment == segment && known.Offset == offset,
            LogLineKind.Resolution => entry?.Progress?.ResolutionLine is { } known && known.Segment == segment && known.Offset == offset,
            LogLineKind.Purge => _deadLines.ContainsKey(line.Id),
            _ => true,
        };
    }

    /// <summary>A line has moved from a file to the one that replaces it.</summary>
    public void Move(LogLine line, LineSpan from, LineSpan to)
    {
        if (Find(line.Id) is not { } entry)
            return;

        if (line.Kind == LogLineKind.Failure && entry.Line == from)
            entry.Line = Live(to)!.Value;

        if (entry.Progress is not { } progress)
            return;

        if (progress.ClaimLine == from)
            progress.ClaimLine = Live(to);
        if (progress.DecisionLine == from)
            progress.DecisionLine = Live(to);
        if (progress.ResolutionLine == from)
            progress.ResolutionLine = Live(to);
    }

    /// <summary>A line of a failure that is forgotten is no longer in any file.</summary>
    public void DropDeadLine(Guid id)
    {
        if (!_deadLines.TryGetValue(id, out int count))
            return;

        if (count == 1)
            _deadLines.Remove(id);
        else
            _deadLines[id] = count - 1;
    }

    private static LineSpan? Live(LineSpan span)
    {
        span.Segment.LiveBytes += span.Length;
        return span;
    }

    private static LineSpan? Dead(LineSpan? span)
    {
        if (span is { } line)
            line.Segment.LiveBytes -= line.Length;
        return null;
    }

    private void End(FailureEntry entry, FailureResolution resolution)
    {
        Release(entry);
        (entry.Progress ??= new FailureProgress()).Resolution = resolution;
        _unfinished.Remove();
    }

    private void AddDeadLine(Guid id) => _deadLines[id] = _deadLines.GetValueOrDefault(id) + 1;

    private IEnumerable<FailureEntry> Candidates(FailureFilter filter, EntryList list) =>
        filter.Id is not { } id ? list.Enumerate() : Find(id) is { } entry ? [entry] : [];

    // Sharing saves memory only, so what was shared may be forgotten: runs come and go.
    private FailureTraits Shared(FailureTraits traits)
    {
        if (_traits.TryGetValue(traits, out FailureTraits? known))
            return known;

        if (_traits.Count >= MaxShared)
            _traits.Clear();

        traits = traits with
        {
            Fingerprint = Shared(traits.Fingerprint),
            Pipeline = Shared(traits.Pipeline),
            Stage = Shared(traits.Stage),
            Run = traits.Run is { } run ? Shared(run) : null,
        };
        _traits.Add(traits, traits);
        return traits;
    }

    private string Shared(string name)
    {
        if (_names.TryGetValue(name, out string? known))
            return known;

        if (_names.Count >= MaxShared)
            _names.Clear();

        _names.Add(name, name);
        return name;
    }
}
