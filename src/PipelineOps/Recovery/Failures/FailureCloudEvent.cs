using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace PipelineOps;

/// <summary>Failures as <see href="https://github.com/cloudevents/spec">CloudEvents 1.0</see> in their JSON format, structured mode.</summary>
/// <remarks>
/// <c>id</c> is the failure's id, <c>source</c> is <c>/pipelines/{pipeline}/stages/{stage}</c>, <c>type</c> is <c>pipelineops.record.</c> and the
/// disposition in lower case, <c>subject</c> is the record's key, <c>time</c> is when it last failed, and <c>data</c> is what <see cref="FailureJson"/>
/// writes: nothing is lost on the way. The extension attributes are the standard's <c>traceparent</c>, and <c>failurefingerprint</c>,
/// <c>failureseverity</c>, <c>failurecategory</c> and <c>failurereason</c> for routing. Characters that an attribute must not contain are U+FFFD there, and
/// unchanged in <c>data</c>.
/// </remarks>
public static class FailureCloudEvent
{
    /// <summary>The media type of a failure that is sent so.</summary>
    public const string MediaType = "application/cloudevents+json";

    /// <summary>Writes a failure as an event: one line of UTF-8 JSON.</summary>
    /// <param name="failure">The failure.</param>
    public static byte[] Serialize(FailureRecord failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var output = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(output, FailureJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("specversion", "1.0");
            writer.WriteString("id", failure.Id);
            writer.WriteString("source", $"/pipelines/{Segment(failure.Pipeline)}/stages/{Segment(failure.Stage)}");
            writer.WriteString("type", $"pipelineops.record.{Name(failure.Disposition)}");
            WriteText(writer, "subject", failure.RecordKey);
            writer.WriteString("time", failure.LastFailedAt.UtcDateTime);
            if (ActivityContext.TryParse(failure.TraceParent, null, out _))
                writer.WriteString("traceparent", failure.TraceParent);

            WriteText(writer, "failurefingerprint", failure.Fingerprint);
            writer.WriteString("failureseverity", Name(failure.Severity));
            writer.WriteString("failurecategory", Name(failure.Category));
            writer.WriteString("failurereason", Name(failure.Reason));
            writer.WriteString("datacontenttype", "application/json");
            writer.WritePropertyName("data");
            FailureJson.Write(writer, failure);
            writer.WriteEndObject();
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>Reads the failure from an event, whatever attributes were added to it on its way.</summary>
    /// <param name="json">The event in CloudEvents' JSON format, in UTF-8; an intermediary may have turned its <c>data</c> into <c>data_base64</c>.</param>
    /// <exception cref="JsonException">The text is not a failure's event; the message names what is missing or wrong.</exception>
    public static FailureRecord Deserialize(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("An event must be an object.");

        bool hasVersion = false;
        FailureRecord? failure = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (Is(ref reader, "specversion"u8))
            {
                reader.Read();
                hasVersion = reader.TokenType == JsonTokenType.String && Is(ref reader, "1.0"u8);
            }
            else if (Is(ref reader, "data"u8))
            {
                reader.Read();
                failure = FailureJson.Read(ref reader);
            }
            else if (Is(ref reader, "data_base64"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.String || !reader.TryGetBytesFromBase64(out byte[]? data))
                    throw new JsonException("An event's 'data_base64' must be base64.");

                failure = FailureJson.Deserialize(data);
            }
            else
            {
                reader.Skip();
            }
        }

        if (!hasVersion)
            throw new JsonException("An event's 'specversion' must be \"1.0\".");

        if (failure is null)
            throw new JsonException("The event lacks 'data', which must be a failure.");

        return reader.Read() ? throw new JsonException("There is more than one event in the text.") : failure;
    }

    // The reader's own comparison throws something else than a JsonException for an escaped half of a surrogate pair.
    private static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> text) => !reader.ValueIsEscaped && reader.ValueSpan.SequenceEqual(text);

    private static string Segment(string name) => Uri.EscapeDataString(Allowed(name));

    private static string Name<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static void WriteText(Utf8JsonWriter writer, string attribute, string? value)
    {
        // The standard knows no empty attributes.
        if (!string.IsNullOrEmpty(value))
            writer.WriteString(attribute, Allowed(value));
    }

    /// <summary>CloudEvents 1.0.2, Type System, String: neither controls, nor what Unicode says is no character, nor halves of surrogate pairs.</summary>
    private static string Allowed(string text)
    {
        var allowed = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            allowed.Append((IsAllowed(rune) ? rune : Rune.ReplacementChar).ToString());

        return allowed.ToString();

        static bool IsAllowed(Rune rune) => !Rune.IsControl(rune) && (rune.Value & 0xFFFE) != 0xFFFE && rune.Value is not (>= 0xFDD0 and <= 0xFDEF);
    }
}
