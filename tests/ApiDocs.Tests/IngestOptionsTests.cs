namespace ApiDocs.Tests;

public class IngestOptionsTests
{
    [Theory]
    [InlineData("--out")]
    [InlineData("--otlp")]
    [InlineData("--trace")]
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

    [Theory]
    [InlineData("")]
    [InlineData("4318")]
    [InlineData("/v1/traces")]
    [InlineData("127.0.0.1:4318")]
    [InlineData("localhost:4318")]
    [InlineData("http://")]
    [InlineData("ftp://127.0.0.1")]
    public void An_OTLP_endpoint_that_is_no_web_address_is_named_with_its_option(string address)
    {
        Assert.False(IngestOptions.TryParse(["docs", "--otlp", address], out _, out string? problem));
        Assert.Equal($"--otlp: must be an absolute http or https address, such as http://127.0.0.1:4318, but is '{address}'.", problem);
    }

    [Fact]
    public void What_is_traced_and_where_telemetry_goes_can_be_named_with_a_folder_in_any_order()
    {
        Assert.True(IngestOptions.TryParse(["--trace", "T:A", "docs", "--otlp", "https://collector/base"], out IngestOptions options, out _));
        Assert.Equal(("docs", "T:A", new Uri("https://collector/base")), (options.Input, options.Trace, options.Otlp));
    }

    [Fact]
    public void A_folder_and_an_output_can_be_named()
    {
        Assert.True(IngestOptions.TryParse(["docs", "--out", "index"], out IngestOptions options, out _));
        Assert.Equal(("docs", "index"), (options.Input, options.Output));
    }
}
