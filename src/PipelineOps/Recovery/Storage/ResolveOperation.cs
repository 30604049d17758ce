namespace PipelineOps;

/// <summary>Ends a failure, or gives a claim back.</summary>
internal sealed class ResolveOperation(Guid id, string? owner, FailureResolution resolution) : StoreOperation<bool>(false)
{
    private FailureEntry? _entry;
    private long _groupOffset;

    public override bool Prepare(FailureIndex index, CommitGroup group)
    {
        if (group.Touches(id))
            return false;

        if (index.Find(id) is not { } entry || !entry.IsUnfinished)
            return true;

        string? holder = entry.StatusAt(group.Now) == FailureStatus.Claimed ? entry.Progress!.Owner : null;
        bool isRelease = resolution.Status == FailureStatus.Open;
        if (holder != owner || (isRelease && holder is null))
            return true;

        _entry = entry;
        group.Touch(id);
        if (isRelease)
            Lines.AddRelease(id, holder!, entry.Progress!.Until);
        else
            Lines.AddResolution(id, resolution);
        _groupOffset = group.Add(Lines.Slice(0, Lines.Length));
        return true;
    }

    public override void Apply(FailureIndex index, Segment segment, long offset)
    {
        if (_entry is null)
            return;

        if (resolution.Status == FailureStatus.Open)
            FailureIndex.Release(_entry);
        else
            index.Resolve(_entry, resolution, new LineSpan(segment, offset + _groupOffset, Lines.Length));
        Result = true;
    }
}
