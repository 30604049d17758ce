namespace ApiDocs.Tests;

public class IngestOptionsTests
{
    [Theory]
    [InlineData("--out")]
    [InlineData("--verbose")]
    [InlineData("one", "two")]
    public void Arguments_that_mean_nothing_are_named(params string[] args)
    {
        Assert.False(IngestOptions.TryParse(args, out _, out string? problem));
        Assert.Contains(args[^1], problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_is_no_problem()
    {
        Assert.False(IngestOptions.TryParse(["--help"], out _, out string? problem));
        Assert.Null(problem);
    }

    [Fact]
    public void A_folder_and_an_output_can_be_named()
    {
        Assert.True(IngestOptions.TryParse(["docs", "--out", "index"], out IngestOptions options, out _));
        Assert.Equal(("docs", "index"), (options.Input, options.Output));
    }
}
