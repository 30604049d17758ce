using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PipelineOps;

/// <summary>Writes a payload as text where people can read it, otherwise in base64; byte for byte the same when read back.</summary>
internal sealed class FailurePayloadConverter : JsonConverter<FailurePayload>
{
    public override FailurePayload Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("A payload must be an object.");

        byte[]? content = null;
        string? contentType = null, schemaVersion = null, error = null;
        int? originalLength = null;
        bool isTruncated = false, isRedacted = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            switch (name)
            {
                case "text":
                    content = ReadText(ref reader);
                    break;
                case "base64":
                    content = reader.GetBytesFromBase64();
                    break;
                case "contentType":
                    contentType = reader.GetString();
                    break;
                case "schemaVersion":
                    schemaVersion = reader.GetString();
                    break;
                case "originalLength":
                    originalLength = reader.GetInt32();
                    break;
                case "isTruncated":
                    isTruncated = reader.GetBoolean();
                    break;
                case "isRedacted":
                    isRedacted = reader.GetBoolean();
                    break;
                case "error":
                    error = reader.GetString();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new FailurePayload
        {
            Content = content ?? throw new JsonException("A payload lacks its content: 'text' or 'base64'."),
            ContentType = contentType ?? throw new JsonException("A payload lacks 'contentType'."),
            SchemaVersion = schemaVersion,
            OriginalLength = originalLength ?? content.Length,
            IsTruncated = isTruncated,
            IsRedacted = isRedacted,
            Error = error,
        };
    }

    public override void Write(Utf8JsonWriter writer, FailurePayload value, JsonSerializerOptions options)
    {
        ReadOnlySpan<byte> content = value.Content.Span;
        writer.WriteStartObject();
        writer.WriteString("contentType", value.ContentType);
        if (value.SchemaVersion is not null)
            writer.WriteString("schemaVersion", value.SchemaVersion);

        if (IsText(content))
            writer.WriteString("text", content);
        else
            writer.WriteBase64String("base64", content);

        if (value.OriginalLength != content.Length)
            writer.WriteNumber("originalLength", value.OriginalLength);

        if (value.IsTruncated)
            writer.WriteBoolean("isTruncated", true);

        if (value.IsRedacted)
            writer.WriteBoolean("isRedacted", true);

        if (value.Error is not null)
            writer.WriteString("error", value.Error);

        writer.WriteEndObject();
    }

    private static bool IsText(ReadOnlySpan<byte> content)
    {
        while (!content.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(content, out Rune rune, out int length) != OperationStatus.Done)
                return false;

            if (Rune.IsControl(rune) && rune.Value is not ('\t' or '\r' or '\n'))
                return false;

            content = content[length..];
        }

        return true;
    }

    private static byte[] ReadText(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException("A payload's 'text' must be text.");

        // Unescaping never makes text longer.
        byte[] text = new byte[reader.HasValueSequence ? checked((int)reader.ValueSequence.Length) : reader.ValueSpan.Length];
        int length = reader.CopyString(text);
        return length == text.Length ? text : text[..length];
    }
}
