using System.Text.Json;
using System.Text.Json.Serialization;

namespace PipelineOps;

/// <summary>Writes times as ISO 8601 in UTC, to the tick, whatever their offset.</summary>
internal sealed class UtcTimeConverter : JsonConverter<DateTimeOffset>
{
    // Without a message of its own the serializer's names the place.
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out DateTimeOffset time)
            ? time.ToUniversalTime()
            : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(value.UtcDateTime);
}
