namespace PipelineOps;

/// <summary>
/// Something that changes a store: it is prepared against what is durable, written together with others, applied to the index once it is durable itself, and
/// then acknowledged.
/// </summary>
internal abstract class StoreOperation : IDisposable
{
    /// <summary>Decides what to write, under the index's lock.</summary>
    /// <returns>
    /// <see langword="false"/> if it depends on what another operation of the group does: it is prepared again for the next group.
    /// </returns>
    /// <exception cref="FailureStoreFullException">There is no room for it.</exception>
    public abstract bool Prepare(FailureIndex index, CommitGroup group);

    /// <summary>Does to the index what is durable now, under the index's lock.</summary>
    /// <param name="index">The index.</param>
    /// <param name="segment">The file that the group was written to.</param>
    /// <param name="offset">Where in the file the group begins.</param>
    public abstract void Apply(FailureIndex index, Segment segment, long offset);

    /// <summary>Whether it waits for the group to be durable; without that it is over, whatever becomes of the group.</summary>
    public abstract bool IsWritten { get; }

    /// <summary>Tells who waits for it that it is done.</summary>
    public abstract void Complete();

    /// <summary>Tells who waits for it that it is not done.</summary>
    /// <param name="exception">Why.</param>
    public abstract void Fail(Exception exception);

    /// <summary>Gives its memory back.</summary>
    public abstract void Dispose();
}
