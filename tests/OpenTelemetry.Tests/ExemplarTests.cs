using System.Diagnostics;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace PipelineOps.OpenTelemetry.Tests;

public sealed class ExemplarTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_that_is_not_sampled_is_no_exemplar(bool asynchronous)
    {
        using var spans = new CollectedSpans(static builder => builder.SetSampler(new AlwaysOffSampler()));
        using CollectedMetrics metrics = Exemplary();
        using PipelineStage stage = OwnStage.Create(_time);

        await stage.ExecuteAsync(Failing(0, asynchronous), Ct).InTime();

        Assert.Empty(Assert.Single(metrics.Collect("pipelineops.stage.duration")).Exemplars);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_duration_of_a_call_points_at_its_span(bool asynchronous)
    {
        using var spans = new CollectedSpans();
        using CollectedMetrics metrics = Exemplary();
        using PipelineStage stage = OwnStage.Create(_time);
        using Activity caller = CollectedSpans.Source.StartActivity("caller")!;

        await stage.ExecuteAsync(Failing(0, asynchronous), Ct).InTime();
        IReadOnlyList<Series> series = metrics.Collect();

        AssertExemplar(spans["orders/load"], series.Single(static s => s.Name == "pipelineops.stage.duration"));
        AssertExemplar(spans["orders/load"], series.Single(static s => s.Name == "pipelineops.stage.attempt.duration"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_duration_of_a_retried_attempt_points_at_the_attempts_span_and_the_calls_still_at_the_call(bool asynchronous)
    {
        using var spans = new CollectedSpans();
        using CollectedMetrics metrics = Exemplary();
        using PipelineStage stage = OwnStage.Create(_time);

        await stage.ExecuteAsync(Failing(1, asynchronous), Ct).InTime();
        IReadOnlyList<Series> series = metrics.Collect();

        AssertExemplar(spans["orders/load"], series.Single(static s => s.Name == "pipelineops.stage.duration"));
        AssertExemplar(
            spans.Named("orders/load attempt")[1],
            series.Single(static s => s.Name == "pipelineops.stage.attempt.duration" && !s.Tags.Contains("error.type", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_durations_of_a_call_that_fails_point_at_the_call_and_its_last_attempt(bool asynchronous)
    {
        using var spans = new CollectedSpans();
        using CollectedMetrics metrics = Exemplary();
        using PipelineStage stage = OwnStage.Create(_time, static o => (o.Telemetry.AttemptSpans, o.Retry.MaxRetries) = (AttemptSpans.Always, 0));

        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(Failing(1, asynchronous), Ct).InTime());
        IReadOnlyList<Series> series = metrics.Collect();

        AssertExemplar(spans["orders/load"], series.Single(static s => s.Name == "pipelineops.stage.duration"));
        AssertExemplar(spans["orders/load attempt"], series.Single(static s => s.Name == "pipelineops.stage.attempt.duration"));
    }

    private static CollectedMetrics Exemplary() => new(static builder => builder.SetExemplarFilter(ExemplarFilterType.TraceBased));

    private static Func<CancellationToken, ValueTask> Failing(int times, bool asynchronous)
    {
        int calls = 0;
        return async _ =>
        {
            if (asynchronous)
                await Task.Yield();
            if (++calls <= times)
                throw new IOException();
        };
    }

    private static void AssertExemplar(Activity span, Series series)
    {
        Exemplar exemplar = Assert.Single(series.Exemplars);
        Assert.Equal((span.TraceId, span.SpanId), (exemplar.TraceId, exemplar.SpanId));
    }
}
