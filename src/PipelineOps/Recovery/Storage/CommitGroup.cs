namespace PipelineOps;

/// <summary>What is written and flushed together.</summary>
/// <param name="room">How many bytes of failures the store may still take.</param>
/// <param name="now">The time of all that is decided for it.</param>
internal sealed class CommitGroup(long room, DateTimeOffset now)
{
    private readonly List<ReadOnlyMemory<byte>> _chunks = [];
    private readonly HashSet<Guid> _ids = [];

    public DateTimeOffset Now { get; } = now;

    public long Length { get; private set; }

    public IReadOnlyList<ReadOnlyMemory<byte>> Chunks => _chunks;

    public bool HasRoomFor(long bytes) => Length + bytes <= room;

    /// <summary>Whether an operation of this group touches the failure: what becomes of it is not known before the group is durable.</summary>
    public bool Touches(Guid id) => _ids.Contains(id);

    public void Touch(Guid id) => _ids.Add(id);

    /// <returns>Where in the group the bytes begin.</returns>
    public long Add(ReadOnlyMemory<byte> bytes)
    {
        long offset = Length;
        _chunks.Add(bytes);
        Length += bytes.Length;
        return offset;
    }
}
