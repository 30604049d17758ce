namespace PipelineOps.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void An_exception_for_invalid_options_lists_every_one()
    {
        var exception = new InvalidOptionsException(["a is 1", "b is 2"]);

        Assert.Equal(["a is 1", "b is 2"], exception.Failures);
        Assert.Contains("a is 1", exception.Message, StringComparison.Ordinal);
        Assert.Contains("b is 2", exception.Message, StringComparison.Ordinal);
    }
}
