using System.Collections.Concurrent;
using System.Diagnostics;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

[Collection(nameof(Alone))]
public sealed class StageSpanTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly SpanProbe _probe = new();

    private ConcurrentQueue<Activity> Spans => _probe.Spans;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _probe.Dispose();

    [Fact]
    public async Task An_exception_whose_message_throws_ends_its_call_as_any_other()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => (o.Retry.MaxRetries, o.Telemetry.AttemptSpans) = (1, AttemptSpans.Always));

        StageResult<int> result = await stage.TryExecuteAsync(static _ => ValueTask.FromException<int>(new MuteException()), Ct);

        Assert.IsType<MuteException>(result.Error);
        Assert.Equal(3, Spans.Count);
        Assert.All(Spans, static span => Assert.Equal("(its Message threw System.InvalidOperationException)", span.StatusDescription));
    }

    [Fact]
    public async Task A_failed_call_is_one_span_with_the_error_and_its_retries()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => (o.Retry.MaxRetries, o.Retry.Backoff) = (1, TestStage.Seconds(2)));

        ValueTask<int> call = stage.ExecuteAsync(Flaky.Always.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAsync<IOException>(() => call.InTime());

        Activity span = Assert.Single(Spans, static span => span.DisplayName == "orders/load");
        Assert.Equal((ActivityKind.Internal, ActivityStatusCode.Error, "failure 2"), (span.Kind, span.Status, span.StatusDescription));
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

        Activity span = Assert.Single(Spans);
        Assert.Equal(ActivityStatusCode.Error, span.Status);
        Assert.Equal("PipelineOps.CircuitOpenException", span.GetTagItem("error.type"));
        Assert.Equal("circuit_rejected", Assert.Single(span.Events).Name);
        Assert.Equal(0, span.GetTagItem("pipelineops.attempts"));
    }

    [Fact]
    public async Task A_call_that_succeeds_after_a_retry_carries_no_error()
    {
        using PipelineStage stage = TestStage.Create(_time);

        await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);

        Activity span = Assert.Single(Spans, static span => span.DisplayName == "orders/load");
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
        Activity span = Assert.Single(Spans);
        Assert.Same(span, within);
        Assert.Equal(parent.SpanId, span.ParentSpanId);
        Assert.True(span.IsStopped);
    }

    [Fact]
    public async Task Attempts_are_children_where_there_is_more_than_one_with_the_times_that_they_had()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.Backoff = TestStage.Seconds(2));
        DateTime start = _time.GetUtcNow().UtcDateTime;
        int attempt = 0;

        ValueTask<int> call = stage.ExecuteAsync(
            _ =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return ++attempt == 1 ? ValueTask.FromException<int>(new IOException("once")) : new(attempt);
            },
            Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));
        await call.InTime();

        Activity span = Assert.Single(Spans, static span => span.DisplayName == "orders/load");
        Activity[] attempts = [.. Spans.Where(static span => span.DisplayName == "orders/load attempt")];
        Assert.All(attempts, child => Assert.Equal((span.TraceId, span.SpanId), (child.TraceId, child.ParentSpanId)));
        Assert.Equal(
            [(start, 1.0, ActivityStatusCode.Error), (start.AddSeconds(3), 1.0, ActivityStatusCode.Unset)],
            attempts.Select(static child => (child.StartTimeUtc, child.Duration.TotalSeconds, child.Status)));
        Assert.Equal((start, 4.0), (span.StartTimeUtc, span.Duration.TotalSeconds));
        Assert.Equal(
            [("pipeline", "orders"), ("stage", "load"), ("pipelineops.attempt", 1), ("error.type", "System.IO.IOException")],
            attempts[0].TagObjects.Select(static tag => (tag.Key, tag.Value!)));
        Assert.Equal(
            [("pipeline", "orders"), ("stage", "load"), ("pipelineops.attempt", 2), ("pipelineops.delay", 2.0)],
            attempts[1].TagObjects.Select(static tag => (tag.Key, tag.Value!)));
        Assert.Equal("once", attempts[0].StatusDescription);
    }

    [Theory]
    [InlineData(AttemptSpans.WhenRetried, 0, 2)]
    [InlineData(AttemptSpans.Always, 1, 2)]
    [InlineData(AttemptSpans.Never, 0, 0)]
    public async Task Attempts_have_spans_as_the_option_has_it(AttemptSpans option, int ofSuccess, int ofRetried)
    {
        using PipelineStage stage = TestStage.Create(_time, o => o.Telemetry.AttemptSpans = option);

        await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        Assert.Equal(ofSuccess, Attempts());
        Spans.Clear();
        await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        Assert.Equal(ofRetried, Attempts());

        int Attempts() => Spans.Count(static span => span.DisplayName == "orders/load attempt");
    }

    [Fact]
    public async Task The_delegate_runs_within_its_attempts_span()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Telemetry.AttemptSpans = AttemptSpans.Always);
        List<Activity?> within = [];

        await stage.ExecuteAsync(
            async _ =>
            {
                within.Add(Activity.Current);
                await Task.Yield();
                return within.Count == 1 ? throw new IOException() : 1;
            },
            Ct).InTime();

        Assert.Equal(within, Spans.Where(static span => span.DisplayName == "orders/load attempt"));
    }

    [Fact]
    public async Task A_call_that_is_sampled_out_has_no_attempts_either()
    {
        using var all = new ActivitySource("caller");
        _probe.Listener.ShouldListenTo = static _ => true;
        _probe.Listener.Sample = static (ref ActivityCreationOptions<ActivityContext> options) =>
            options.Name == "orders/load" ? ActivitySamplingResult.None : ActivitySamplingResult.AllDataAndRecorded;
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 1);

        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Assert.Empty(Spans);
        Assert.Null(Activity.Current);
    }

    [Fact]
    public async Task A_span_that_is_only_propagated_is_told_nothing()
    {
        _probe.Listener.Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.PropagationData;
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 1);

        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Assert.All(Spans, static span =>
        {
            Assert.DoesNotContain(span.TagObjects, static tag => tag.Key.StartsWith("pipelineops", StringComparison.Ordinal) || tag.Key == "error.type");
            Assert.Empty(span.Events);
        });
    }

    [Fact]
    public async Task What_a_call_waits_for_is_an_event_of_its_span()
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.OpensAtOnce();
            o.WaitWhileCircuitOpen = true;
            o.Retry.MaxRetries = 0;
            (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1);
        });
        var end = new TaskCompletionSource();
        ValueTask holds = stage.ExecuteAsync(async _ =>
        {
            await end.Task;
            throw new IOException();
        }, Ct);
        ValueTask<int> waits = stage.ExecuteAsync(new Flaky().Invoke, Ct);

        end.SetResult();
        await Assert.ThrowsAsync<IOException>(() => holds.InTime());
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(5));
        await waits.InTime();

        Assert.Equal([("wait", "slot"), ("wait", "circuit")], Spans.Last().Events.Select(static waited => (waited.Name, waited.Tags.Single().Value)));
    }

    [Fact]
    public async Task A_call_that_goes_on_after_it_returned_leaves_nothing_in_its_callers_context()
    {
        using PipelineStage stage = TestStage.Create(_time);
        var flowing = new AsyncLocal<string>();
        flowing.Value = "caller";
        var end = new TaskCompletionSource();

        ValueTask call = stage.ExecuteAsync(
            async _ =>
            {
                Assert.Equal("caller", flowing.Value);
                await end.Task;
                Assert.Equal("orders/load", Activity.Current?.DisplayName);
            },
            Ct);

        Assert.Null(Activity.Current);
        Assert.Equal("caller", flowing.Value);
        end.SetResult();
        await call.InTime();
        Assert.Null(Activity.Current);
    }

    [Fact]
    public async Task Where_the_flow_of_the_context_is_suppressed_calls_are_traced_all_the_same()
    {
        using PipelineStage stage = TestStage.Create(_time);

        Task<int> call;
        using (ExecutionContext.SuppressFlow())
            call = stage.ExecuteAsync(new Flaky().Invoke, Ct).AsTask();

        Assert.Equal(1, await call);
        Assert.Null(Activity.Current);
        Assert.Single(Spans);
    }

    [Fact]
    public async Task A_call_whose_delegate_throws_at_once_ends_its_span_too()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 0);

        await Assert.ThrowsAsync<NotSupportedException>(() => stage.ExecuteAsync(static ValueTask (_) => throw new NotSupportedException(), Ct).InTime());

        Assert.Null(Activity.Current);
        Assert.Equal("System.NotSupportedException", Assert.Single(Spans).GetTagItem("error.type"));
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

        Assert.Equal(3, Spans.Count);
    }

    private sealed class MuteException : Exception
    {
        public override string Message => throw new InvalidOperationException("message");
    }
}
