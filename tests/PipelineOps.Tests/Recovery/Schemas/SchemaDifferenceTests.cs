using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery.Schemas;

public sealed class SchemaDifferenceTests
{
    private static readonly RecordSchema Expected = new([new("id", "number"), new("name", "string"), new("note", "string", IsRequired: false)]);

    [Theory]
    [InlineData("dropped required column", false, "missing name (string)", "id:number", "note:string")]
    [InlineData("changed type", false, "changed id (number to string)", "id:string", "name:string", "note:string")]
    [InlineData("changed type of an optional column", false, "changed note (string to array)", "id:number", "name:string", "note:array")]
    [InlineData("required column without a value", false, "changed name (string to null)", "id:number", "name:null", "note:string")]
    [InlineData("renamed by case", false, "added Name (string); missing name (string)", "id:number", "Name:string", "note:string")]
    [InlineData("all at once", false, "added vip (boolean); missing name (string); missing note (string, optional); changed id (number to string)", "id:string", "vip:boolean")]
    [InlineData("dropped optional column", true, "missing note (string, optional)", "id:number", "name:string")]
    [InlineData("optional column without a value", true, "none", "id:number", "name:string", "note:null")]
    [InlineData("added nullable column", true, "added vip (null)", "id:number", "name:string", "note:string", "vip:null")]
    [InlineData("added column", true, "added vip (boolean)", "id:number", "name:string", "note:string", "vip:boolean")]
    [InlineData("other order", true, "none", "note:string", "name:string", "id:number")]
    public void A_change_is_compatible_or_not(string change, bool compatible, string words, params string[] actual)
    {
        var schema = new RecordSchema(actual.Select(static field => field.Split(':')).Select(static parts => new SchemaField(parts[0], parts[1])));

        var difference = SchemaDifference.Between(Expected, schema);

        Assert.True(difference.IsCompatible == compatible, change);
        Assert.Equal(words, difference.ToString());
        Assert.Equal(words == "none", difference.IsEmpty);
    }

    [Fact]
    public void A_schema_does_not_differ_from_itself() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Schemas.Any, schema =>
            SchemaDifference.Between(schema, schema) is { IsEmpty: true, IsCompatible: true, Added: [], Missing: [], Changed: [] }));

    [Fact]
    public void What_is_added_one_way_is_missing_the_other() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000), Prop.ForAll(Schemas.Any, Schemas.Any, (one, other) =>
            SchemaDifference.Between(one, other).Added.SequenceEqual(SchemaDifference.Between(other, one).Missing)));

    [Fact]
    public void A_difference_is_compatible_unless_something_required_is_missing_or_a_type_changed() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000), Prop.ForAll(Schemas.Any, Schemas.Any, (one, other) =>
        {
            var difference = SchemaDifference.Between(one, other);
            return difference.IsCompatible == (difference.Changed is [] && difference.Missing.All(field => !field.IsRequired));
        }));

    [Fact]
    public void The_fingerprint_does_not_depend_on_the_order_of_the_fields() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Schemas.Any, Schemas.Any, (one, other) =>
            SchemaDifference.Between(one, other).Fingerprint
                == SchemaDifference.Between(new(one.Fields.Reverse()), new(other.Fields.Reverse())).Fingerprint));

    [Fact]
    public void Other_differences_have_other_fingerprints() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000), Prop.ForAll(Schemas.Any, Schemas.Any, Schemas.Any, (expected, one, other) =>
        {
            var first = SchemaDifference.Between(expected, one);
            var second = SchemaDifference.Between(expected, other);
            return (first.Fingerprint == second.Fingerprint) == (Sorted(first.ToString()) == Sorted(second.ToString()));
        }));

    [Fact]
    public void A_fingerprint_is_the_same_in_every_process() =>
        Assert.Equal("bc970ea148b133be", SchemaDifference.Between(Expected, new([new("id", "string"), new("vip", "boolean")])).Fingerprint);

    private static string Sorted(string words) => string.Join(';', words.Split("; ").Order(StringComparer.Ordinal));
}
