using System.Diagnostics;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

[Collection(nameof(Alone))]
public sealed class StageSpanTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly List<Activity> _spans = [];
    private readonly ActivityListener _listener;

    public StageSpanTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == PipelineOpsTelemetry.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Add,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task A_failed_call_is_one_span_with_the_error_and_its_retries()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => (o.Retry.MaxRetries, o.Retry.Backoff) = (1, TestStage.Seconds(2)));

        ValueTask<int> call = stage.ExecuteAsync(Flaky.Always.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAsync<IOException>(() => call.InTime());

        Activity span = Assert.Single(_spans);
        Assert.Equal(("orders/load", ActivityKind.Internal, ActivityStatusCode.Error), (span.DisplayName, span.Kind, span.Status));
        Assert.Equal(
            [("pipeline", "orders"), ("stage", "load"), ("pipelineops.attempts", 2), ("error.type", "System.IO.IOException")],
            span.TagObjects.Select(static tag => (tag.Key, tag.Value!)));
        ActivityEvent retry = Assert.Single(span.Events);
        Assert.Equal("retry", retry.Name);
        Assert.Equal(
            [("attempt", 1), ("category", "unknown"), ("error.type", "System.IO.IOException"), ("delay", 2.0)],
            retry.Tags.Select(static tag => (tag.Key, tag.Value!)));
        Assert.Equal(_time.GetUtcNow() - TimeSpan.FromSeconds(2), retry.Timestamp);
    }

    [Fact]
    public async Task A_rejection_is_a_failed_span()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.CircuitBreaker.Enabled = true);
        stage.Circuit!.Isolate();

        Assert.True((await stage.TryExecuteAsync(new Flaky().Invoke, Ct)).IsRejected);

        Activity span = Assert.Single(_spans);
        Assert.Equal(ActivityStatusCode.Error, span.Status);
        Assert.Equal("PipelineOps.CircuitOpenException", span.GetTagItem("error.type"));
        Assert.Equal(0, span.GetTagItem("pipelineops.attempts"));
    }

    [Fact]
    public async Task A_call_that_succeeds_after_a_retry_carries_no_error()
    {
        using PipelineStage stage = TestStage.Create(_time);

        await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);

        Activity span = Assert.Single(_spans);
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
        Assert.Null(span.GetTagItem("error.type"));
        Assert.Equal(2, span.GetTagItem("pipelineops.attempts"));
        Assert.Single(span.Events);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_callers_span_is_current_before_and_after_and_the_calls_span_within(bool asynchronous)
    {
        using PipelineStage stage = TestStage.Create(_time);
        using Activity parent = new Activity("parent").Start();
        Activity? within = null;

        ValueTask call = stage.ExecuteAsync(
            async _ =>
            {
                if (asynchronous)
                    await Task.Yield();
                within = Activity.Current;
            },
            Ct);
        Assert.Same(parent, Activity.Current);
        await call.InTime();

        Assert.Same(parent, Activity.Current);
        Activity span = Assert.Single(_spans);
        Assert.Same(span, within);
        Assert.Equal(parent.SpanId, span.ParentSpanId);
        Assert.True(span.IsStopped);
    }

    [Fact]
    public async Task A_call_whose_delegate_throws_at_once_ends_its_span_too()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 0);

        await Assert.ThrowsAsync<NotSupportedException>(() => stage.ExecuteAsync(static ValueTask (_) => throw new NotSupportedException(), Ct).InTime());

        Assert.Null(Activity.Current);
        Assert.Equal("System.NotSupportedException", Assert.Single(_spans).GetTagItem("error.type"));
    }

    [Fact]
    public async Task Traced_calls_obey_every_policy()
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.OpensAtOnce();
            o.AttemptTimeout = TimeSpan.FromSeconds(1);
            o.Retry.MaxRetries = 0;
            o.Concurrency.MaxConcurrent = 1;
        });
        ValueTask<int> call = stage.ExecuteAsync(TestStage.Hang, Ct);
        await Assert.ThrowsAsync<ConcurrencyLimitException>(() => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
        await Assert.ThrowsAsync<CircuitOpenException>(() => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());

        Assert.Equal(3, _spans.Count);
    }
}
