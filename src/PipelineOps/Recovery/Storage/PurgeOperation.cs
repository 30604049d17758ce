namespace PipelineOps;

/// <summary>Forgets failures, except claimed ones.</summary>
/// <param name="entries">Which ones, as far as they still are what is meant when it comes to it.</param>
/// <param name="isMeant">Whether a failure is meant at a time.</param>
internal sealed class PurgeOperation(ArraySegment<FailureEntry> entries, Func<FailureEntry, DateTimeOffset, bool> isMeant) : StoreOperation<int>(0)
{
    private readonly List<FailureEntry> _purged = [];

    public override bool Prepare(FailureIndex index, CommitGroup group)
    {
        foreach (FailureEntry entry in entries)
        {
            if (group.Touches(entry.Id))
                return false;
        }

        foreach (FailureEntry entry in entries)
        {
            if (entry.IsForgotten || entry.StatusAt(group.Now) == FailureStatus.Claimed || !isMeant(entry, group.Now))
                continue;

            _purged.Add(entry);
            group.Touch(entry.Id);
            Lines.AddPurge(entry.Id);
        }

        if (_purged.Count > 0)
            group.Add(Lines.Slice(0, Lines.Length));

        return true;
    }

    public override void Apply(FailureIndex index, Segment segment, long offset)
    {
        foreach (FailureEntry entry in _purged)
            index.Forget(entry);
        Result = _purged.Count;
    }
}
