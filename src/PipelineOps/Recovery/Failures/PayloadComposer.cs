namespace PipelineOps;

/// <summary>
/// Makes the payload of a failure: as received if that is known, else as the failure that was redriven has it whole, else as the serializer writes the record.
/// </summary>
internal sealed class PayloadComposer(PayloadOptions options, Action<string, Exception> callbackFailed)
{
    private const string Binary = "application/octet-stream";

    private readonly bool _isEnabled = options.Enabled;
    private readonly IPayloadSerializer _serializer = options.Serializer;
    private readonly int _maxBytes = options.MaxBytes;
    private readonly Func<FailurePayload, ReadOnlyMemory<byte>>? _redact = options.Redact;

    /// <summary>The whole payload without what must not be kept; <see langword="null"/> if nothing is kept of it.</summary>
    public FailurePayload? Compose<T>(T record, RecordDescription description, FailurePayload? parent)
    {
        if (!_isEnabled)
            return null;

        FailurePayload payload = description.Payload is null && parent is { Error: null, IsTruncated: false } ? parent : Read(record, description);
        return payload.Error is null && !payload.IsRedacted ? Redact(payload) : payload;
    }

    /// <summary>As much of it as is kept.</summary>
    public FailurePayload Cut(FailurePayload payload)
    {
        ReadOnlyMemory<byte> content = payload.Content;
        return content.Length <= _maxBytes
            ? payload
            : payload with { Content = content[..CutLength(content.Span, _maxBytes, payload.ContentType)].ToArray(), IsTruncated = true };
    }

    private FailurePayload Read<T>(T record, RecordDescription description)
    {
        try
        {
            return description.Payload is { } received
                ? Whole(received, description.ContentType ?? Binary, description.SchemaVersion)
                : Whole(_serializer.Serialize(record), WrittenAs<T>(description), description.SchemaVersion);
        }
        catch (Exception exception)
        {
            callbackFailed("payload serializer", exception);
            return Whole(default, Binary, description.SchemaVersion) with { Error = $"The serializer threw {FailureCauses.Tell(exception)}" };
        }
    }

    private string WrittenAs<T>(RecordDescription description) =>
        (_serializer is JsonPayloadSerializer && JsonPayloadSerializer.IsBytes<T>() ? description.ContentType : _serializer.ContentType) ?? Binary;

    private FailurePayload Redact(FailurePayload payload)
    {
        if (_redact is null)
            return payload;

        try
        {
            byte[] content = _redact(payload).ToArray();
            return payload with
            {
                Content = content,
                OriginalLength = content.Length,
                IsRedacted = !content.AsSpan().SequenceEqual(payload.Content.Span),
            };
        }
        catch (Exception exception)
        {
            callbackFailed("redaction of a payload", exception);

            // Its message may hold what must not be kept.
            return payload with { Content = default, OriginalLength = 0, Error = $"The redaction threw {FailureCauses.TypeName(exception)}." };
        }
    }

    // Bytes of its own: the user's may be a buffer that is used again.
    private static FailurePayload Whole(ReadOnlyMemory<byte> content, string contentType, string? schemaVersion) =>
        new() { Content = content.ToArray(), ContentType = contentType, SchemaVersion = schemaVersion, OriginalLength = content.Length };

    private static int CutLength(ReadOnlySpan<byte> content, int length, string contentType)
    {
        if (!IsUtf8(contentType))
            return length;

        // Back to where the character begins that the cut would halve; it has three further bytes at most.
        for (int i = length; i >= 0 && i > length - 4; i--)
        {
            if ((content[i] & 0xC0) != 0x80)
                return i;
        }

        return length;
    }

    private static bool IsUtf8(string contentType)
    {
        string[] parts = contentType.ToLowerInvariant().Split(';', StringSplitOptions.TrimEntries);
        bool isText = parts[0] is "application/json" or "application/xml"
            || parts[0].StartsWith("text/", StringComparison.Ordinal)
            || parts[0].EndsWith("+json", StringComparison.Ordinal)
            || parts[0].EndsWith("+xml", StringComparison.Ordinal);
        string? charset = Array.Find(parts, part => part.StartsWith("charset=", StringComparison.Ordinal));
        return isText && (charset is null || charset["charset=".Length..].Trim('"') is "utf-8" or "utf8");
    }
}
