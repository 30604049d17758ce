using OpenTelemetry.Metrics;

namespace PipelineOps.OpenTelemetry.Tests;

public sealed class ViewTests
{
    private const string Tags = "pipeline=orders,stage=load";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_view_that_drops_the_attempts_leaves_the_calls()
    {
        using var metrics = new CollectedMetrics(static builder => builder.AddView("pipelineops.stage.attempt.duration", MetricStreamConfiguration.Drop));
        using var stage = new BusyStage();

        await stage.Work();
        IReadOnlyList<Series> series = metrics.Collect();

        Assert.DoesNotContain(series, static s => s.Name == "pipelineops.stage.attempt.duration");
        Assert.Contains(series, static s => s.Name == "pipelineops.stage.duration");
        Assert.Contains(series, static s => s.Name == "pipelineops.attempts" && s.Value > 0);
    }

    [Fact]
    public async Task A_view_that_drops_both_durations_leaves_the_counters()
    {
        using var metrics = new CollectedMetrics(static builder => builder.AddView("pipelineops.stage.*", MetricStreamConfiguration.Drop));
        using var stage = new BusyStage();
        metrics.Collect();

        await stage.Succeed();

        Assert.Equal(1, metrics.Collect("pipelineops.calls").Single(static s => s.Has("outcome=succeeded")).Value);
    }

    [Fact]
    public async Task A_view_changes_buckets()
    {
        using var metrics = new CollectedMetrics(static builder =>
            builder.AddView("pipelineops.stage.duration", new ExplicitBucketHistogramConfiguration { Boundaries = [1, 2] }));
        using var stage = new BusyStage();

        await stage.Succeed(seconds: 1.5);

        Assert.Equal([(1, 0), (2, 1), (double.PositiveInfinity, 0)], Assert.Single(metrics.Collect("pipelineops.stage.duration")).Buckets);
    }

    [Fact]
    public async Task A_view_makes_an_exponential_histogram()
    {
        using var metrics = new CollectedMetrics(static builder =>
            builder.AddView("pipelineops.stage.duration", new Base2ExponentialBucketHistogramConfiguration { MaxSize = 40 }));
        using var stage = new BusyStage();

        foreach (double seconds in (double[])[0.001, 0.1, 10])
            await stage.Succeed(seconds);

        Series durations = Assert.Single(metrics.Collect("pipelineops.stage.duration"));
        Assert.Equal((MetricType.ExponentialHistogram, 3), (durations.Type, durations.Value));
        Assert.Equal(10.101, durations.Sum, 6);
        Assert.InRange(durations.Scale!.Value, 0, 20);
    }

    [Fact]
    public async Task A_view_renames()
    {
        using var metrics = new CollectedMetrics(static builder => builder
            .AddView("pipelineops.calls", "calls.of.stages")
            .AddView("pipelineops.stage.duration", "duration.of.stages"));
        using var stage = new BusyStage();

        await stage.Succeed();
        IReadOnlyList<Series> series = metrics.Collect();

        Assert.Equal(1, series.Single(static s => s.Name == "calls.of.stages" && s.Has("outcome=succeeded")).Value);
        Assert.Equal(1, Assert.Single(series, static s => s.Name == "duration.of.stages").Value);
        Assert.DoesNotContain(series, static s => s.Name is "pipelineops.calls" or "pipelineops.stage.duration");
    }

    [Fact]
    public async Task A_view_that_removes_the_type_of_error_joins_failures_and_successes()
    {
        using var metrics = new CollectedMetrics(static builder =>
            builder.AddView("pipelineops.stage.duration", new MetricStreamConfiguration { TagKeys = ["pipeline", "stage"] }));
        using var stage = new BusyStage(configure: static o => o.Retry.MaxRetries = 0);

        await stage.Succeed();
        await stage.Stage.TryExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await stage.Stage.TryExecuteAsync(new Flaky(new TimeoutException()).Invoke, Ct);

        Series durations = Assert.Single(metrics.Collect("pipelineops.stage.duration"));
        Assert.Equal((Tags, 3), (durations.Tags, durations.Value));
    }
}
