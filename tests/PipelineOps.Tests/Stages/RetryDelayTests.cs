using System.Net;
using System.Net.Sockets;

namespace PipelineOps.Tests.Stages;

public sealed class RetryDelayTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cancellation_during_a_delay_throws_with_the_last_failure_inside()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var failure = new IOException();
        var flaky = new Flaky(failure);
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.Backoff = TestStage.Seconds(10));
        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, caller.Token);
        Assert.False(call.IsCompleted);

        await caller.CancelAsync();

        OperationCanceledException thrown = await Assert.ThrowsAsync<OperationCanceledException>(() => call.InTime());
        Assert.Same(failure, thrown.InnerException);
        Assert.Equal(caller.Token, thrown.CancellationToken);
        Assert.Equal(1, flaky.Calls);
    }

    [Fact]
    public async Task A_caller_who_cancelled_gets_no_retry_even_without_a_delay()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time, o => o.AddResultRule<int>(static _ => ErrorClassification.Transient));

        await Assert.ThrowsAsync<OperationCanceledException>(() => stage.ExecuteAsync(
            _ =>
            {
                calls++;
                caller.Cancel();
                return new ValueTask<int>(1);
            },
            caller.Token).InTime());

        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task A_delay_that_cannot_fit_into_the_total_timeout_fails_at_once()
    {
        Flaky flaky = Flaky.Always;
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.TotalTimeout = TimeSpan.FromSeconds(5);
            o.Retry.Backoff = TestStage.Seconds(5);
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);

        Assert.True(call.IsCompleted);
        Assert.Equal("failure 1", (await Assert.ThrowsAsync<IOException>(() => call.InTime())).Message);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task What_was_spent_on_earlier_attempts_and_delays_counts_against_the_total_timeout()
    {
        var flaky = new Flaky([.. Enumerable.Range(0, 9).Select(static _ => new IOException())]) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.TotalTimeout = TimeSpan.FromSeconds(5);
            o.Retry.MaxRetries = 9;
            o.Retry.Backoff = TestStage.Seconds(2);
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));
        await Waiting.Until(() => flaky.Calls == 2);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));

        await Assert.ThrowsAsync<IOException>(() => call.InTime());
        Assert.Equal(3, flaky.Calls);
        Assert.Equal([2, 2], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task A_retry_after_beyond_the_deadline_fails_at_once_with_the_last_error()
    {
        var failure = new HttpRequestException("busy", null, HttpStatusCode.TooManyRequests);
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.TotalTimeout = TimeSpan.FromSeconds(30);
            o.ErrorClassifier = AskingFor(TimeSpan.FromMinutes(1));
        });

        ValueTask<int> call = stage.ExecuteAsync(new Flaky(failure).Invoke, Ct);

        Assert.True(call.IsCompleted);
        Assert.Same(failure, await Assert.ThrowsAsync<HttpRequestException>(() => call.InTime()));
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Theory]
    [InlineData(7, 7)]
    [InlineData(1, 2)]
    public async Task The_longer_of_the_backoff_and_the_retry_after_is_waited_for(int retryAfter, int expected)
    {
        var flaky = new Flaky(new HttpRequestException()) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.Retry.Backoff = TestStage.Seconds(2);
            o.ErrorClassifier = AskingFor(TimeSpan.FromSeconds(retryAfter));
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(20));
        await call.InTime();

        Assert.Equal([expected], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task Delays_are_the_backoffs_drawn_from_the_stages_own_source()
    {
        var flaky = new Flaky(new IOException(), new IOException(), new IOException()) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.Random = () => 0.25;
            o.Retry.Backoff = Backoff.Exponential(TimeSpan.FromSeconds(4), maxDelay: TimeSpan.FromSeconds(12));
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        for (int attempt = 1; attempt <= 3; attempt++)
        {
            await Waiting.Until(() => flaky.Calls == attempt);
            await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(attempt));
        }

        Assert.Equal(4, await call.InTime());
        Assert.Equal([1, 2, 3], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task A_decorrelated_delay_grows_from_the_one_before()
    {
        var flaky = new Flaky(new IOException(), new IOException()) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.Random = () => 0.5;
            o.Retry.Backoff = Backoff.Exponential(TimeSpan.FromSeconds(2), maxDelay: TimeSpan.FromSeconds(100), jitter: Jitter.Decorrelated);
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(4));
        await Waiting.Until(() => flaky.Calls == 2);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(7));
        await call.InTime();

        Assert.Equal([4, 7], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task Errors_that_are_retried_in_the_standard_way_wait_the_standard_delay()
    {
        var flaky = new Flaky(new IOException("unknown"), new SocketException((int)SocketError.ConnectionReset)) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.Retry.Backoff = TestStage.Seconds(10);
            o.Retry.StandardBackoff = TestStage.Seconds(1);
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));
        await Waiting.Until(() => flaky.Calls == 2);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(10));
        await call.InTime();

        Assert.Equal([1, 10], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task Without_a_standard_delay_the_backoff_serves_all()
    {
        var flaky = new Flaky(new IOException("unknown")) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.Backoff = TestStage.Seconds(3));

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(3));
        await call.InTime();

        Assert.Equal([3], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task No_time_passes_between_attempts_without_a_delay()
    {
        var flaky = new Flaky(new IOException(), new IOException()) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time);

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);

        Assert.True(call.IsCompletedSuccessfully);
        Assert.Equal(3, await call);
    }

    private static ErrorClassifier AskingFor(TimeSpan retryAfter) => ErrorClassifier.Create(
        rules => rules.Map<HttpRequestException>(ErrorClassification.Throttled with { RetryAfter = retryAfter }));
}
