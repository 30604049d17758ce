namespace PipelineOps;

/// <summary>Keeps what a person decided.</summary>
internal sealed class DecideOperation(Guid id, FailureDecision decision) : StoreOperation<bool>(false)
{
    private FailureEntry? _entry;
    private long _groupOffset;

    public override bool Prepare(FailureIndex index, CommitGroup group)
    {
        if (group.Touches(id))
            return false;

        if (index.Find(id) is not { Traits.Disposition: Disposition.Parked, Progress: null or { Decision: null, Resolution: null } } entry)
            return true;

        _entry = entry;
        group.Touch(id);
        Lines.AddDecision(id, decision);
        _groupOffset = group.Add(Lines.Slice(0, Lines.Length));
        return true;
    }

    public override void Apply(FailureIndex index, Segment segment, long offset)
    {
        if (_entry is null)
            return;

        index.Decide(_entry, decision, new LineSpan(segment, offset + _groupOffset, Lines.Length));
        Result = true;
    }
}
