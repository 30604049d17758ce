namespace PipelineOps;

/// <summary>The bytes of a record that did not succeed.</summary>
public sealed record FailurePayload
{
    /// <summary>The bytes: as received if the record's description has them, otherwise as the stage's serializer wrote them.</summary>
    public required ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>The media type, such as <c>application/json</c>.</summary>
    public required string ContentType { get; init; }

    /// <summary>The version of the record's schema, if it is known.</summary>
    public string? SchemaVersion { get; init; }

    /// <summary>How many bytes there were before the cut, and after the redaction.</summary>
    public int OriginalLength { get; init; }

    /// <summary>Whether the content was cut because it is larger than the stage keeps: such a record cannot be redriven from its payload.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>Whether the redaction hook changed the content.</summary>
    public bool IsRedacted { get; init; }

    /// <summary>Why there is no content, if the serializer or the redaction hook failed.</summary>
    public string? Error { get; init; }
}
