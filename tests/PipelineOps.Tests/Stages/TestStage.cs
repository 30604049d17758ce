namespace PipelineOps.Tests.Stages;

/// <summary>Stages whose only policy is what a test asks for: no delay between retries, no circuit.</summary>
internal static class TestStage
{
    public static PipelineStage Create(TimeProvider time, Action<StageOptions>? configure = null) =>
        PipelineStage.Create("orders", "load", Options(time, configure));

    public static StageOptions Options(TimeProvider time, Action<StageOptions>? configure = null)
    {
        var options = new StageOptions { TimeProvider = time, Random = () => 0.5 };
        options.Retry.Backoff = Backoff.None;
        options.CircuitBreaker.Enabled = false;
        configure?.Invoke(options);
        return options;
    }

    public static Backoff Seconds(double seconds) => Backoff.Constant(TimeSpan.FromSeconds(seconds), Jitter.None);

    /// <summary>Opens at the first failure, and stays open for 5 seconds.</summary>
    public static void OpensAtOnce(this StageOptions options)
    {
        options.CircuitBreaker.Enabled = true;
        options.CircuitBreaker.MinimumThroughput = 1;
        options.CircuitBreaker.FailureRatio = 1;
    }

    /// <summary>Never ends by itself, and obeys its token.</summary>
    public static async ValueTask<int> Hang(CancellationToken token)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, token);
        return 0;
    }
}
