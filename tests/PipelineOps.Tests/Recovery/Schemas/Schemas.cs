using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery.Schemas;

/// <summary>Schemas over a few names and types, so that two of them have much in common.</summary>
internal static class Schemas
{
    private static readonly Gen<SchemaField> Field =
        from name in Gen.Elements("id", "ID", "note", "price", "a:b", "")
        from type in Gen.Elements("string", "number", RecordSchema.NullType)
        from required in Gen.Elements(true, false)
        select new SchemaField(name, type, required);

    public static Arbitrary<RecordSchema> Any { get; } =
        Field.ArrayOf().Select(fields => new RecordSchema(fields.DistinctBy(field => field.Name))).ToArbitrary();
}
