using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PipelineOps;

/// <summary>Keeps records as JSON; records that are <c>byte[]</c> or <see cref="ReadOnlyMemory{T}"/> of bytes as they are.</summary>
public sealed class JsonPayloadSerializer : IPayloadSerializer
{
    private readonly JsonSerializerOptions _options;

    /// <summary>Makes a serializer.</summary>
    /// <param name="options">
    /// How records are written: by reflection, where the program allows that, if they have no <see cref="JsonSerializerOptions.TypeInfoResolver"/>. In a
    /// program that is trimmed or compiled ahead of time, give them the source-generated context of the records as that.
    /// </param>
    public JsonPayloadSerializer(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.TypeInfoResolver is null && Reflection() is { } reflection ? new(options) { TypeInfoResolver = reflection } : options;
    }

    /// <summary>Writes properties as they are named, by reflection where the program allows that.</summary>
    public static JsonPayloadSerializer Default { get; } = new(new JsonSerializerOptions());

    /// <inheritdoc/>
    public string ContentType => "application/json";

    /// <summary>Whether records of a type are bytes already, and stay as they are.</summary>
    internal static bool IsBytes<T>() => typeof(T) == typeof(byte[]) || typeof(T) == typeof(ReadOnlyMemory<byte>);

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The options know no metadata of the type.</exception>
    public ReadOnlyMemory<byte> Serialize<T>(T record) => record switch
    {
        byte[] bytes when IsBytes<T>() => bytes,
        ReadOnlyMemory<byte> bytes when IsBytes<T>() => bytes,
        _ => JsonSerializer.SerializeToUtf8Bytes(record, TypeInfo<T>()),
    };

    /// <inheritdoc/>
    /// <exception cref="JsonException">The bytes are not such a record.</exception>
    /// <exception cref="NotSupportedException">The options know no metadata of the type.</exception>
    public T Deserialize<T>(ReadOnlyMemory<byte> content) =>
        typeof(T) == typeof(byte[]) ? (T)(object)content.ToArray()
        : typeof(T) == typeof(ReadOnlyMemory<byte>) ? (T)(object)content
        : JsonSerializer.Deserialize(content.Span, TypeInfo<T>())!;

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Reached only where reflection is enabled; elsewhere the options have no resolver, and TypeInfo says so.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "As above.")]
    private static DefaultJsonTypeInfoResolver? Reflection() => JsonSerializer.IsReflectionEnabledByDefault ? new() : null;

    private JsonTypeInfo<T> TypeInfo<T>() =>
        _options.TypeInfoResolver is not null && _options.TryGetTypeInfo(typeof(T), out JsonTypeInfo? info)
            ? (JsonTypeInfo<T>)info
            : throw new NotSupportedException(
                $"There is no JSON metadata of {typeof(T)}. Give Recovery.Payload.Serializer a {nameof(JsonPayloadSerializer)} whose options have its source-generated context as TypeInfoResolver.");
}
