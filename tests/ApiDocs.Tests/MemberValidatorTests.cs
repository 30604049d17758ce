using ApiDocs.Reading;
using ApiDocs.Validation;

namespace ApiDocs.Tests;

public class MemberValidatorTests
{
    private static readonly MemberRecord Good =
        new("a.xml", "M:A.B.Go(System.Int32)", "A.B", "Goes.", 1, SilentParameters: [], References: ["T:System.Int32", "M:A.B.Stop``1(``0)"]);

    public static TheoryData<MemberRecord, string> Flawed => new()
    {
        { Good with { Id = "Go", Type = "" }, "malformed name" },
        { Good with { Summary = "" }, "no summary" },
        { Good with { SilentParameters = ["speed"] }, "parameter without text" },
        { Good with { References = ["T:System.Int32", "!:Nothing"] }, "malformed reference" },
        { Good with { References = ["System.Int32"] }, "malformed reference" },
        { Good with { References = ["Overload:System.Math.Abs"] }, "malformed reference" },
        { Good with { References = ["T:"] }, "malformed reference" },
        { Good with { References = ["M:A.Go(System.Int32, System.Int32)"] }, "malformed reference" },
    };

    [Theory]
    [MemberData(nameof(Flawed))]
    public void A_flaw_is_named(MemberRecord record, string reason) =>
        Assert.Equal(reason, MemberValidator.Validate(record)?.Reason);

    [Fact]
    public void A_good_record_passes() => Assert.Null(MemberValidator.Validate(Good));
}
