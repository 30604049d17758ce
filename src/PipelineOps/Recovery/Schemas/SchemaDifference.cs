namespace PipelineOps;

/// <summary>What is different between the schema that is expected and the one that is there.</summary>
public sealed class SchemaDifference
{
    private SchemaDifference(IReadOnlyList<SchemaField> added, IReadOnlyList<SchemaField> missing, IReadOnlyList<SchemaFieldChange> changed)
    {
        Added = added;
        Missing = missing;
        Changed = changed;
        Fingerprint = SchemaFingerprint.Of(
        [
            .. added.Select(static field => $"+{Describe(field)}"),
            .. missing.Select(static field => $"-{Describe(field)}:{field.IsRequired}"),
            .. changed.Select(static field => $"~{SchemaFingerprint.Quote(field.Name)}:{SchemaFingerprint.Quote(field.ExpectedType)}:{SchemaFingerprint.Quote(field.ActualType)}"),
        ]);
    }

    /// <summary>The fields that are there and are not expected.</summary>
    public IReadOnlyList<SchemaField> Added { get; }

    /// <summary>The fields that are expected and not there, as they are expected.</summary>
    public IReadOnlyList<SchemaField> Missing { get; }

    /// <summary>The fields that are there with another type.</summary>
    public IReadOnlyList<SchemaFieldChange> Changed { get; }

    /// <summary>Whether nothing is different.</summary>
    public bool IsEmpty => Added.Count + Missing.Count + Changed.Count == 0;

    /// <summary>Whether a reader of the expected schema can go on: it can ignore what is added and do without what is optional, but not without a required field, nor with another type.</summary>
    public bool IsCompatible => Changed.Count == 0 && !Missing.Any(static missing => missing.IsRequired);

    /// <summary>
    /// The same for the same difference, in whichever order the fields are: 16 hexadecimal digits, of SHA-256. Records that a schema change broke are
    /// grouped by it.
    /// </summary>
    public string Fingerprint { get; }

    /// <summary>Compares two schemas.</summary>
    /// <param name="expected">What the reader needs.</param>
    /// <param name="actual">
    /// What is there. A field of type <see cref="RecordSchema.NullType"/> has no value: that is no difference to an optional one that is expected, and to a
    /// required one it is a change of type. Whether a field that is there is required is not compared.
    /// </param>
    public static SchemaDifference Between(RecordSchema expected, RecordSchema actual)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(actual);
        List<SchemaField> missing = [];
        List<SchemaFieldChange> changed = [];
        foreach (SchemaField field in expected.Fields)
        {
            if (actual.Find(field.Name) is not { } found)
                missing.Add(field);
            else if (found.Type != field.Type && (field.IsRequired || found.Type != RecordSchema.NullType))
                changed.Add(new SchemaFieldChange(field.Name, field.Type, found.Type));
        }

        return new SchemaDifference([.. actual.Fields.Where(field => expected.Find(field.Name) is null)], missing, changed);
    }

    /// <summary>The difference in words, as in <c>added note (string); missing id (number); changed price (number to string)</c>.</summary>
    public override string ToString() => IsEmpty
        ? "none"
        : string.Join(
            "; ",
            Added.Select(static field => $"added {field.Name} ({field.Type})")
                .Concat(Missing.Select(static field => $"missing {field.Name} ({field.Type}{(field.IsRequired ? string.Empty : ", optional")})"))
                .Concat(Changed.Select(static field => $"changed {field.Name} ({field.ExpectedType} to {field.ActualType})")));

    private static string Describe(SchemaField field) => $"{SchemaFingerprint.Quote(field.Name)}:{SchemaFingerprint.Quote(field.Type)}";
}
