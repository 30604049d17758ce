namespace PipelineOps.Tests.Retrying;

public sealed class RetryOptionsTests
{
    [Fact]
    public void By_default_three_retries_back_off_exponentially_from_200_ms_to_30_s_with_full_jitter_and_no_budget()
    {
        var options = new RetryOptions();

        Assert.Equal(3, options.MaxRetries);
        Assert.Null(options.StandardBackoff);
        Assert.Null(options.Budget);
        Assert.Equal(TimeSpan.FromMilliseconds(100), options.Backoff.GetDelay(1, random: static () => 0.5));
        Assert.Equal(TimeSpan.FromMilliseconds(400), options.Backoff.GetDelay(3, random: static () => 0.5));
        Assert.Equal(TimeSpan.FromSeconds(15), options.Backoff.GetDelay(100, random: static () => 0.5));
    }
}
