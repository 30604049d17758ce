using ApiDocs.Reading;
using ApiDocs.Validation;

namespace ApiDocs.Tests;

public class MemberValidatorTests
{
    private static readonly MemberRecord Good =
        new("a.xml", 0, "M:A.B.Go(System.Int32)", "A.B", "Goes.", 1, SilentParameters: [], References: ["T:System.Int32", "M:A.B.Stop``1(``0)"]);

    public static TheoryData<MemberRecord, Type> Flawed => new()
    {
        { Good with { Id = "Go", Type = "" }, typeof(MalformedNameException) },
        { Good with { Summary = "" }, typeof(NoSummaryException) },
        { Good with { SilentParameters = ["speed"] }, typeof(SilentParameterException) },
        { Good with { References = ["T:System.Int32", "!:Nothing"] }, typeof(MalformedReferenceException) },
        { Good with { References = ["System.Int32"] }, typeof(MalformedReferenceException) },
        { Good with { References = ["Overload:System.Math.Abs"] }, typeof(MalformedReferenceException) },
        { Good with { References = ["T:"] }, typeof(MalformedReferenceException) },
        { Good with { References = ["M:A.Go(System.Int32, System.Int32)"] }, typeof(MalformedReferenceException) },
    };

    [Theory]
    [MemberData(nameof(Flawed))]
    public void A_flaw_is_named(MemberRecord record, Type flaw) => Assert.Throws(flaw, () => MemberValidator.Validate(record));

    [Fact]
    public void A_good_record_passes() => MemberValidator.Validate(Good);
}
