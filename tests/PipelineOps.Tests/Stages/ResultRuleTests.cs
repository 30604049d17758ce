using System.Net;
using System.Net.Http.Headers;
using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Stages;

/// <summary>Results that are failures, such as an HTTP response with status 503.</summary>
public sealed class ResultRuleTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task When_retries_are_spent_the_last_response_comes_out_and_the_others_are_disposed()
    {
        Response[] responses = [new(503), new(503), new(503)];
        int calls = 0;
        using PipelineStage stage = Http(static o => o.Retry.MaxRetries = 2);

        HttpResponseMessage last = await stage.ExecuteAsync(_ => new ValueTask<HttpResponseMessage>(responses[calls++]), Ct).InTime();

        Assert.Same(responses[2], last);
        Assert.Equal([true, true, false], responses.Select(static r => r.IsDisposed));
    }

    [Fact]
    public async Task A_failure_by_result_is_told_without_an_error()
    {
        using var response = new Response(404);
        using PipelineStage stage = Http();

        StageResult<HttpResponseMessage> result = await stage.TryExecuteAsync(_ => new ValueTask<HttpResponseMessage>(response), Ct).InTime();

        Assert.False(result.IsSuccess);
        Assert.Null(result.Error);
        Assert.Equal(ErrorCategory.DataQuality, result.Classification.Category);
        Assert.Same(response, result.Value);
        Assert.Same(response, result.GetValueOrThrow());
        Assert.False(response.IsDisposed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failed_response_is_retried_and_disposed(bool asynchronous)
    {
        Response[] responses = [new(503), new(200)];
        int calls = 0;
        using PipelineStage stage = Http();

        HttpResponseMessage answer = await stage.ExecuteAsync(
            async _ =>
            {
                if (asynchronous)
                    await Task.Yield();
                return (HttpResponseMessage)responses[calls++];
            },
            Ct).InTime();

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal([true, false], responses.Select(static r => r.IsDisposed));
    }

    [Fact]
    public async Task A_failed_response_is_disposed_before_the_exception_that_follows_it_comes_out()
    {
        var response = new Response(503);
        int calls = 0;
        using PipelineStage stage = Http();

        await Assert.ThrowsAsync<NotSupportedException>(() => stage.ExecuteAsync(
            ValueTask<HttpResponseMessage> (_) => calls++ == 0 ? new(response) : throw new NotSupportedException(), Ct).InTime());

        Assert.True(response.IsDisposed);
    }

    [Fact]
    public async Task Cancellation_during_the_delay_disposes_the_response_that_nobody_will_see()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var response = new Response(503);
        using PipelineStage stage = Http(static o => o.Retry.Backoff = TestStage.Seconds(1));
        ValueTask<HttpResponseMessage> call = stage.ExecuteAsync(_ => new ValueTask<HttpResponseMessage>(response), caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => call.InTime());
        Assert.True(response.IsDisposed);
    }

    [Fact]
    public async Task The_retry_after_of_a_response_is_waited_for()
    {
        int calls = 0;
        using PipelineStage stage = Http();

        ValueTask<HttpResponseMessage> call = stage.ExecuteAsync(
            _ =>
            {
                var response = new Response(calls++ == 0 ? 503 : 200);
                response.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(20));
                return new ValueTask<HttpResponseMessage>(response);
            },
            Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(19.999));
        Assert.Equal(1, calls);
        _time.Advance(TimeSpan.FromSeconds(0.001));

        Assert.Equal(HttpStatusCode.OK, (await call.InTime()).StatusCode);
    }

    [Fact]
    public async Task A_retry_after_beyond_the_deadline_returns_the_response_at_once()
    {
        using PipelineStage stage = Http(static o => o.TotalTimeout = TimeSpan.FromSeconds(10));
        using var response = new Response(503);
        response.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(20));

        ValueTask<HttpResponseMessage> call = stage.ExecuteAsync(_ => new ValueTask<HttpResponseMessage>(response), Ct);

        Assert.True(call.IsCompletedSuccessfully);
        Assert.Same(response, await call);
        Assert.False(response.IsDisposed);
    }

    [Fact]
    public async Task A_circuit_that_opens_before_the_retry_leaves_the_response_to_the_caller()
    {
        using PipelineStage stage = Http(static o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.Retry.Backoff = TestStage.Seconds(1);
        });
        using var response = new Response(503);
        ValueTask<HttpResponseMessage> call = stage.ExecuteAsync(_ => new ValueTask<HttpResponseMessage>(response), Ct);
        stage.Circuit!.Isolate();

        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        Assert.Same(response, await call.InTime());
        Assert.False(response.IsDisposed);
    }

    [Fact]
    public async Task The_later_rule_for_a_type_wins()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o
            .AddResultRule<int>(static _ => ErrorClassification.Permanent)
            .AddResultRule<int>(static v => v == 0 ? ErrorClassification.Defect : null));

        Assert.Equal(ErrorCategory.Defect, (await stage.TryExecuteAsync(static _ => new ValueTask<int>(0), Ct)).Classification.Category);
        Assert.True((await stage.TryExecuteAsync(static _ => new ValueTask<int>(1), Ct)).IsSuccess);
    }

    [Fact]
    public async Task A_rule_for_a_base_type_judges_results_of_derived_types_and_of_nothing_else()
    {
        using PipelineStage stage = Http();
        using var response = new Response(400);

        Assert.False((await stage.TryExecuteAsync(_ => new ValueTask<Response>(response), Ct)).IsSuccess);
        Assert.True((await stage.TryExecuteAsync(static _ => new ValueTask<int>(503), Ct)).IsSuccess);
        Assert.True((await stage.TryExecuteAsync(static _ => new ValueTask<string>("503"), Ct)).IsSuccess);
        Assert.True((await stage.TryExecuteAsync(static _ => default, Ct)).IsSuccess);
    }

    [Fact]
    public async Task A_rule_that_throws_accepts_the_value()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.AddResultRule<int>(static _ => throw new InvalidOperationException("rule")));

        Assert.Equal(5, await stage.ExecuteAsync(static _ => new ValueTask<int>(5), Ct).InTime());
    }

    [Fact]
    public async Task A_response_that_cannot_be_disposed_does_not_stop_the_retry()
    {
        int calls = 0;
        using var log = new RecordingLoggers();
        using PipelineStage stage = Http(o => o.LoggerFactory = log);

        HttpResponseMessage answer = await stage.ExecuteAsync(
            _ => new ValueTask<HttpResponseMessage>(new Response(calls++ == 0 ? 503 : 200) { Undisposable = calls == 1 }), Ct).InTime();

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains(log.Entries, static entry => entry.Message.Contains("the disposal of a discarded result threw", StringComparison.Ordinal));
    }

    private PipelineStage Http(Action<StageOptions>? configure = null) => TestStage.Create(_time, o =>
    {
        o.AddResultRule<HttpResponseMessage>(response => HttpResponseClassification.Classify(response, _time));
        configure?.Invoke(o);
    });

    private sealed class Response(int status) : HttpResponseMessage((HttpStatusCode)status)
    {
        public bool IsDisposed { get; private set; }

        public bool Undisposable { get; init; }

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
            if (Undisposable)
                throw new InvalidOperationException("disposal");
        }
    }
}
