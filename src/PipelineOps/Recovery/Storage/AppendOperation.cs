namespace PipelineOps;

/// <summary>Keeps failures.</summary>
/// <remarks>Written into its lines by the thread that appends, so that the one that commits has nothing to do but to write and to flush.</remarks>
internal sealed class AppendOperation(StoreFolder folder, long? maxBytes) : StoreOperation<bool>(false)
{
    private readonly List<Appended> _failures = [];
    private readonly List<Appended> _written = [];
    private LineBuffer? _purges;
    private bool _waits;

    public override bool IsWritten => _waits;

    public int Length => Lines.Length;

    public void Add(FailureRecord failure)
    {
        int offset = Lines.Length;
        int length = Lines.AddFailure(failure);
        _failures.Add(new Appended(failure.Id, FailureTraits.Of(failure), failure.FirstFailedAt, failure.LastFailedAt, offset, length));
    }

    public override bool Prepare(FailureIndex index, CommitGroup group)
    {
        _written.Clear();
        _waits = false;
        HashSet<Guid>? ids = _failures.Count > 1 ? [] : null;
        long bytes = 0;
        foreach (Appended failure in _failures)
        {
            if (index.Find(failure.Id) is { } known)
            {
                // A failure that is about to be forgotten or to end is known as it is for the last time.
                if (group.Touches(failure.Id))
                    return false;

                // It was redriven or discarded, and the record has failed again since.
                if (!known.IsUnfinished && (ids is null || ids.Add(failure.Id)))
                {
                    _written.Add(failure with { Ended = known });
                    bytes += failure.Length;
                }
            }
            else if (group.Touches(failure.Id))
                _waits = true;
            else if (ids is null || ids.Add(failure.Id))
            {
                _written.Add(failure);
                bytes += failure.Length;
            }
        }

        if (bytes > 0 && !group.HasRoomFor(bytes))
        {
            throw new FailureStoreFullException(
                $"The failure store in {folder.Path} is full: {bytes} more bytes would be more than {nameof(FileFailureStoreOptions.MaxBytes)} allows ({maxBytes}). "
                + $"Redrive, discard or purge failures, set {nameof(FileFailureStoreOptions.RetainResolved)}, or raise {nameof(FileFailureStoreOptions.MaxBytes)}.");
        }

        WritePurges(group);
        for (int i = 0; i < _written.Count; i++)
        {
            Appended failure = _written[i];
            group.Touch(failure.Id);
            _written[i] = failure with { GroupOffset = group.Add(Lines.Slice(failure.Offset, failure.Length)) };
            _waits = true;
        }

        return true;
    }

    public override void Apply(FailureIndex index, Segment segment, long offset)
    {
        foreach (Appended failure in _written)
        {
            if (failure.Ended is { IsForgotten: false } ended)
                index.Forget(ended);

            index.Add(failure.Id, failure.Traits, failure.FirstFailedAt, failure.LastFailedAt, new LineSpan(segment, offset + failure.GroupOffset, failure.Length));
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _purges?.Dispose();
    }

    // Before the failures that come again, so that replaying forgets the old ones first.
    private void WritePurges(CommitGroup group)
    {
        int start = _purges?.Length ?? 0;
        foreach (Appended failure in _written)
        {
            if (failure.Ended is not null)
                (_purges ??= new LineBuffer()).AddPurge(failure.Id);
        }

        if (_purges is not null && _purges.Length > start)
            group.Add(_purges.Slice(start, _purges.Length - start));
    }

    private sealed record Appended(
        Guid Id, FailureTraits Traits, DateTimeOffset FirstFailedAt, DateTimeOffset LastFailedAt, int Offset, int Length, long GroupOffset = 0, FailureEntry? Ended = null);
}
