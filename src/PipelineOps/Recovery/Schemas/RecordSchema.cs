using System.Text.Json;

namespace PipelineOps;

/// <summary>The fields of a record: which are expected, or which are there. Immutable.</summary>
public sealed class RecordSchema
{
    /// <summary>The type that <see cref="OfJson"/> gives a field whose value is <c>null</c>; next to an expected field it reads as a field without a value.</summary>
    public const string NullType = "null";

    private readonly Dictionary<string, SchemaField> _byName = new(StringComparer.Ordinal);

    /// <summary>Makes a schema.</summary>
    /// <param name="fields">The fields, in their order. The order is kept for those who read it; it is neither compared nor part of the fingerprint.</param>
    /// <exception cref="ArgumentException">A field has no name or no type, or two have the same name.</exception>
    public RecordSchema(IEnumerable<SchemaField> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        Fields = [.. fields];
        foreach (SchemaField field in Fields)
        {
            if (field?.Name is null || string.IsNullOrEmpty(field.Type))
                throw new ArgumentException($"A field has no name or no type: {field?.ToString() ?? "null"}.", nameof(fields));

            if (!_byName.TryAdd(field.Name, field))
                throw new ArgumentException($"Two fields have the name \"{field.Name}\".", nameof(fields));
        }

        Fingerprint = SchemaFingerprint.Of(Fields.Select(field => $"{SchemaFingerprint.Quote(field.Name)}:{SchemaFingerprint.Quote(field.Type)}:{field.IsRequired}"));
    }

    /// <summary>The fields, in the order in which they were given.</summary>
    public IReadOnlyList<SchemaField> Fields { get; }

    /// <summary>The same for schemas with the same fields, in whichever order: 16 hexadecimal digits, of SHA-256.</summary>
    public string Fingerprint { get; }

    /// <summary>Finds a field.</summary>
    /// <param name="name">Its name; case matters.</param>
    /// <returns><see langword="null"/> if there is no such field.</returns>
    public SchemaField? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>
    /// Reads which fields a JSON object has at its top level: each with the type <c>string</c>, <c>number</c>, <c>boolean</c>, <c>object</c>, <c>array</c>
    /// or <c>null</c>, required unless it is null. Of a name that occurs twice the last counts.
    /// </summary>
    /// <param name="json">The object, in UTF-8.</param>
    /// <exception cref="JsonException">The text is not one JSON object.</exception>
    public static RecordSchema OfJson(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException($"A schema can be read of a JSON object, but this is {TypeOf(reader.TokenType)}.");

        Dictionary<string, SchemaField> fields = new(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = NameOf(reader);
            reader.Read();
            string type = TypeOf(reader.TokenType);
            fields[name] = new SchemaField(name, type, IsRequired: type != NullType);
            reader.Skip();
        }

        // Throws if anything follows the object.
        reader.Read();
        return new RecordSchema(fields.Values);
    }

    /// <summary>The fields, as in <c>id: number, note: string?</c>.</summary>
    public override string ToString() => string.Join(", ", Fields.Select(field => $"{field.Name}: {field.Type}{(field.IsRequired ? string.Empty : "?")}"));

    private static string NameOf(in Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("The name of a field is not valid UTF-8.", exception);
        }
    }

    private static string TypeOf(JsonTokenType token) => token switch
    {
        JsonTokenType.String => "string",
        JsonTokenType.Number => "number",
        JsonTokenType.True or JsonTokenType.False => "boolean",
        JsonTokenType.StartObject => "object",
        JsonTokenType.StartArray => "array",
        _ => NullType,
    };
}
