using System.Globalization;
using System.Text.Json;

namespace PipelineOps;

/// <summary>
/// One line of a store's file: a JSON object whose first member is the checksum of all bytes behind that member, as in
/// <c>{"crc":"1a2b3c4d","kind":"purge","id":"…"}</c>.
/// </summary>
internal sealed class LogLine
{
    /// <summary>How many bytes stand before those that the checksum is of: <c>{"crc":"1a2b3c4d",</c>.</summary>
    public const int Head = 18;

    public LogLineKind Kind { get; private set; }

    public Guid Id { get; private set; }

    public DateTimeOffset? Begun { get; private set; }

    public FailureTraits? Traits { get; private set; }

    public DateTimeOffset FirstFailedAt { get; private set; }

    public DateTimeOffset LastFailedAt { get; private set; }

    public string? Owner { get; private set; }

    public DateTimeOffset Until { get; private set; }

    public FailureDecision? Decision { get; private set; }

    public FailureResolution? Resolution { get; private set; }

    /// <summary>How every line begins. Within a JSON string its quotes are escaped, so that it begins nothing else but, rarely, an object among a failure's headers.</summary>
    public static ReadOnlySpan<byte> Start => "{\"crc\":\""u8;

    /// <summary>Whether the bytes are a whole line that nobody has changed, without the line's end.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> line)
    {
        if (line.Length <= Head || !line.StartsWith(Start) || line[Head - 2] != '"' || line[Head - 1] != ',' || line[^1] != '}')
            return false;

        Span<byte> expected = stackalloc byte[8];
        return Checksum.Of(line[Head..]).TryFormat(expected, out _, "x8", CultureInfo.InvariantCulture) && line.Slice(Start.Length, 8).SequenceEqual(expected);
    }

    /// <summary>Reads a line that is intact; of a failure only what the index needs.</summary>
    /// <returns><see langword="null"/> if it is not what this version would have written.</returns>
    public static LogLine? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            var parsed = new LogLine();
            return parsed.Read(ref reader) ? parsed : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The failure of an intact line.</summary>
    /// <returns><see langword="null"/> if the line is of another kind or failure.</returns>
    public static FailureRecord? ParseFailure(ReadOnlySpan<byte> line, Guid id)
    {
        ReadOnlySpan<byte> open = FailureMembers;
        if (!line[(Head - 1)..].StartsWith(open))
            return null;

        try
        {
            FailureRecord record = FailureJson.Deserialize(line[(Head - 1 + open.Length)..^1]);
            return record.Id == id ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>What stands between the checksum and a failure.</summary>
    public static ReadOnlySpan<byte> FailureMembers => ",\"kind\":\"failure\",\"failure\":"u8;

    private bool Read(ref Utf8JsonReader reader)
    {
        string? actor = null;
        string? reason = null;
        FailureStatus status = default;
        FailureDecisionKind decision = default;
        DateTimeOffset time = default;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (Is(ref reader, "kind"u8))
            {
                Kind = KindOf(ref reader);
                if (Kind == LogLineKind.Unknown)
                    return true;
            }
            else if (Is(ref reader, "id"u8))
                Id = reader.GetGuid();
            else if (Is(ref reader, "failure"u8))
                ReadFailure(ref reader);
            else if (Is(ref reader, "begun"u8))
                Begun = reader.GetDateTimeOffset();
            else if (Is(ref reader, "owner"u8))
                Owner = reader.GetString();
            else if (Is(ref reader, "until"u8))
                Until = reader.GetDateTimeOffset();
            else if (Is(ref reader, "status"u8))
                status = EnumOf<FailureStatus>(ref reader);
            else if (Is(ref reader, "decision"u8))
                decision = EnumOf<FailureDecisionKind>(ref reader);
            else if (Is(ref reader, "actor"u8))
                actor = reader.GetString();
            else if (Is(ref reader, "reason"u8))
                reason = reader.GetString();
            else if (Is(ref reader, "time"u8))
                time = reader.GetDateTimeOffset();
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        switch (Kind)
        {
            case LogLineKind.Failure:
                return Traits is not null;
            case LogLineKind.Claim:
                return Owner is not null;
            case LogLineKind.Resolution:
                Resolution = actor is null || status is not (FailureStatus.Redriven or FailureStatus.Discarded) ? null : new FailureResolution(status, actor, time, reason);
                return Resolution is not null;
            case LogLineKind.Decision:
                Decision = actor is null || reason is null || !Enum.IsDefined(decision) ? null : new FailureDecision(decision, actor, reason, time);
                return Decision is not null;
            default:
                return Kind != LogLineKind.Unknown;
        }
    }

    private void ReadFailure(ref Utf8JsonReader reader)
    {
        string? fingerprint = null;
        string? pipeline = null;
        string? stage = null;
        string? run = null;
        Disposition disposition = default;
        ErrorCategory category = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (Is(ref reader, "id"u8))
                Id = reader.GetGuid();
            else if (Is(ref reader, "fingerprint"u8))
                fingerprint = reader.GetString();
            else if (Is(ref reader, "pipeline"u8))
                pipeline = reader.GetString();
            else if (Is(ref reader, "stage"u8))
                stage = reader.GetString();
            else if (Is(ref reader, "run"u8))
                run = reader.GetString();
            else if (Is(ref reader, "disposition"u8))
                disposition = EnumOf<Disposition>(ref reader);
            else if (Is(ref reader, "category"u8))
                category = EnumOf<ErrorCategory>(ref reader);
            else if (Is(ref reader, "firstFailedAt"u8))
                FirstFailedAt = reader.GetDateTimeOffset();
            else if (Is(ref reader, "lastFailedAt"u8))
                LastFailedAt = reader.GetDateTimeOffset();
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        Traits = fingerprint is null || pipeline is null || stage is null ? null : new FailureTraits(fingerprint, pipeline, stage, run, disposition, category);
    }

    // Moves on to the value if the name is the one.
    private static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> name) => reader.ValueTextEquals(name) && reader.Read();

    private static T EnumOf<T>(ref Utf8JsonReader reader)
        where T : struct, Enum =>
        reader.TokenType == JsonTokenType.Number
            ? (T)Enum.ToObject(typeof(T), reader.GetInt64())
            : Enum.TryParse(reader.GetString(), ignoreCase: true, out T value) ? value : throw new JsonException();

    private static LogLineKind KindOf(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("failure"u8) ? LogLineKind.Failure
        : reader.ValueTextEquals("claim"u8) ? LogLineKind.Claim
        : reader.ValueTextEquals("release"u8) ? LogLineKind.Release
        : reader.ValueTextEquals("resolution"u8) ? LogLineKind.Resolution
        : reader.ValueTextEquals("decision"u8) ? LogLineKind.Decision
        : reader.ValueTextEquals("purge"u8) ? LogLineKind.Purge
        : reader.ValueTextEquals("segment"u8) ? LogLineKind.Segment
        : LogLineKind.Unknown;
}
