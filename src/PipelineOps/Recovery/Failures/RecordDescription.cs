namespace PipelineOps;

/// <summary>What a stage should know of a record that failed. Made only for failures, by <see cref="RecoveryOptions.Describe{T}"/>.</summary>
public sealed record RecordDescription
{
    /// <summary>What identifies the record in its own world, as a primary key does.</summary>
    public string? Key { get; init; }

    /// <summary>
    /// Where the record stands in its source. Stable: the same record read again has the same position; and no other record ever has it, so name the day
    /// with a file that comes daily: of two failures with one position and key the store keeps the first, while the accounting counts both. Without a
    /// <see cref="Key"/>, those with other bytes are kept too.
    /// </summary>
    /// <value>
    /// <see langword="null"/> (the default) if it is not known: the failure is then named by <see cref="Key"/>, <see cref="Timestamp"/> and the bytes that are
    /// kept, or, without a key, by chance: the same record, read again after a crash, is then a second failure.
    /// </value>
    public string? Position { get; init; }

    /// <summary>When the source produced the record. Stable as the position; it becomes the time in the failure's id.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>The bytes as received; without them the stage's serializer writes the record.</summary>
    public ReadOnlyMemory<byte>? Payload { get; init; }

    /// <summary>The media type of <see cref="Payload"/>, or of a record that is bytes itself; <c>application/octet-stream</c> if it is not said.</summary>
    public string? ContentType { get; init; }

    /// <summary>The version of the record's schema.</summary>
    public string? SchemaVersion { get; init; }

    /// <summary>The headers that came with the record.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>The W3C <c>traceparent</c> that came with the record; without it the current activity's is kept.</summary>
    public string? TraceParent { get; init; }
}
