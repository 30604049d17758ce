using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace PipelineOps;

/// <summary>How failures are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters =
    [
        typeof(CamelCaseEnumConverter<Disposition>),
        typeof(CamelCaseEnumConverter<DispositionReason>),
        typeof(CamelCaseEnumConverter<ErrorCategory>),
        typeof(CamelCaseEnumConverter<ErrorSeverity>),
        typeof(CamelCaseEnumConverter<RecoveryStrategy>),
        typeof(FailurePayloadConverter),
        typeof(UtcTimeConverter),
    ])]
[JsonSerializable(typeof(FailureRecord))]
internal sealed partial class FailureJsonContext : JsonSerializerContext
{
    public static JsonTypeInfo<FailureRecord> MakeFailureInfo()
    {
        var options = new JsonSerializerOptions(Default.Options) { TypeInfoResolver = Default.WithAddedModifier(Shape) };
        return (JsonTypeInfo<FailureRecord>)options.GetTypeInfo(typeof(FailureRecord));
    }

    private static void Shape(JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Properties)
        {
            if (property.PropertyType != typeof(string) && property.PropertyType.IsAssignableTo(typeof(IEnumerable)))
                property.ShouldSerialize = static (_, value) => value is IEnumerable items && items.GetEnumerator().MoveNext();

            // The generator knows required members, but no required parameters of a constructor.
            property.IsRequired |= (type.Type == typeof(FailureCause) && property.Name is "type" or "message")
                || (type.Type == typeof(FailureAttempt) && property.Name is "number" or "time" or "errorType");
        }
    }
}
