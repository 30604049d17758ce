using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery.Schemas;

public sealed class RecordSchemaTests
{
    [Fact]
    public void A_name_that_occurs_twice_is_named()
    {
        var exception = Assert.Throws<ArgumentException>(() => new RecordSchema([new("id", "number"), new("id", "string")]));

        Assert.Contains("\"id\"", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_without_a_name_or_a_type_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new RecordSchema([null!]));
        Assert.Throws<ArgumentException>(() => new RecordSchema([new(null!, "string")]));
        Assert.Throws<ArgumentException>(() => new RecordSchema([new("id", "")]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1]")]
    [InlineData("null")]
    [InlineData("{\"id\":1")]
    [InlineData("{\"id\":1} {}")]
    [InlineData("{\"id\":1},")]
    [InlineData("{id:1}")]
    public void What_is_not_one_JSON_object_has_no_schema(string json) =>
        Assert.ThrowsAny<JsonException>(() => RecordSchema.OfJson(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_name_that_is_not_UTF8_is_bad_JSON() =>
        Assert.ThrowsAny<JsonException>(() => RecordSchema.OfJson([(byte)'{', (byte)'"', 0xC3, 0x28, (byte)'"', (byte)':', (byte)'1', (byte)'}']));

    [Fact]
    public void Whatever_the_bytes_are_nothing_but_JsonException_is_thrown()
    {
        byte[] alphabet = [.. "{}[]\":,\\u01etrufalsn "u8, 0xC3, 0x28, 0];
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2_000), Prop.ForAll(Gen.Elements(alphabet).ArrayOf().ToArbitrary(), body =>
        {
            try
            {
                RecordSchema.OfJson([(byte)'{', .. body, (byte)'}']);
            }
            catch (JsonException)
            {
            }
        }));
    }

    [Fact]
    public void The_top_level_of_a_JSON_object_is_read_and_nothing_below()
    {
        RecordSchema schema = RecordSchema.OfJson("""{"id":1,"name":"a","vip":true,"off":false,"tags":[{"id":1}],"address":{"id":"x","more":{}},"note":null,"":0}"""u8);

        Assert.Equal("id: number, name: string, vip: boolean, off: boolean, tags: array, address: object, note: null?, : number", schema.ToString());
    }

    [Fact]
    public void Of_a_JSON_name_that_occurs_twice_the_last_counts() =>
        Assert.Equal("id: string", RecordSchema.OfJson("""{"id":1,"\u0069d":"x"}"""u8).ToString());

    [Fact]
    public void Names_differ_by_case()
    {
        RecordSchema schema = new([new("id", "number"), new("ID", "string")]);

        Assert.Equal("string", schema.Find("ID")?.Type);
        Assert.Null(schema.Find("Id"));
    }

    [Fact]
    public void The_order_of_the_fields_is_kept_and_not_part_of_the_fingerprint() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Schemas.Any, Gen.Choose(0, int.MaxValue).ToArbitrary(), (schema, seed) =>
        {
            SchemaField[] shuffled = [.. schema.Fields];
            new System.Random(seed).Shuffle(shuffled);
            var other = new RecordSchema(shuffled);
            return other.Fields.SequenceEqual(shuffled) && other.Fingerprint == schema.Fingerprint;
        }));

    [Fact]
    public void Schemas_with_different_fields_have_different_fingerprints() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000), Prop.ForAll(Schemas.Any, Schemas.Any, (one, other) =>
            one.Fields.ToHashSet().SetEquals(other.Fields) == (one.Fingerprint == other.Fingerprint)));

    // A separator between names and types would make these two one.
    [Fact]
    public void A_name_cannot_pass_for_a_name_and_a_type() =>
        Assert.NotEqual(new RecordSchema([new("a:1:b", "c")]).Fingerprint, new RecordSchema([new("a", "b:1:c")]).Fingerprint);

    [Fact]
    public void A_fingerprint_is_the_same_in_every_process() =>
        Assert.Equal("3948b1aa6b697748", new RecordSchema([new("id", "number"), new("note", "string", IsRequired: false)]).Fingerprint);
}
