namespace PipelineOps.Tests.Concurrency;

public sealed class ConcurrencyOptionsTests
{
    [Fact]
    public void By_default_nothing_is_limited_and_nobody_waits()
    {
        var options = new ConcurrencyOptions();

        Assert.Null(options.MaxConcurrent);
        Assert.Equal(0, options.MaxQueued);
    }
}
