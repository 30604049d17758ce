namespace PipelineOps;

/// <summary>Claims failures for somebody.</summary>
internal sealed class ClaimOperation(FailureFilter filter, int maxCount, FailureLease lease) : StoreOperation<IReadOnlyList<FailureEntry>>([])
{
    private readonly List<(FailureEntry Entry, int Offset, int Length)> _claimed = [];
    private long _groupOffset;

    public DateTimeOffset Until { get; private set; }

    public override bool Prepare(FailureIndex index, CommitGroup group)
    {
        Until = lease.Duration >= DateTimeOffset.MaxValue - group.Now ? DateTimeOffset.MaxValue : group.Now + lease.Duration;

        // What another operation of the group touches is taken, or will be open only when that is done: either way it is not open yet.
        foreach (FailureEntry entry in index.UnfinishedWhere(filter, group.Now)
            .Where(entry => entry.IsClaimableAt(group.Now) && !group.Touches(entry.Id)).Take(maxCount))
        {
            int offset = Lines.Length;
            _claimed.Add((entry, offset, Lines.AddClaim(entry.Id, lease.Owner, Until)));
        }

        foreach ((FailureEntry entry, _, _) in _claimed)
            group.Touch(entry.Id);
        if (_claimed.Count > 0)
            _groupOffset = group.Add(Lines.Slice(0, Lines.Length));

        return true;
    }

    public override void Apply(FailureIndex index, Segment segment, long offset)
    {
        foreach ((FailureEntry entry, int line, int length) in _claimed)
            index.Claim(entry, lease.Owner, Until, new LineSpan(segment, offset + _groupOffset + line, length));
        Result = [.. _claimed.Select(static claimed => claimed.Entry)];
    }
}
