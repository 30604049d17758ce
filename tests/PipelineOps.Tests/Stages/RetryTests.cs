using System.Runtime.CompilerServices;
using System.Text.Json;

namespace PipelineOps.Tests.Stages;

public sealed class RetryTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_retries_the_first_failure_comes_out()
    {
        var failure = new IOException();
        var flaky = new Flaky(failure);
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.MaxRetries = 0);

        IOException thrown = await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());

        Assert.Same(failure, thrown);
        Assert.Equal(1, flaky.Calls);
    }

    [Fact]
    public async Task Spent_retries_throw_the_last_exception_itself()
    {
        Exception[] failures = [new IOException("1"), new IOException("2"), new TimeoutException("3"), new IOException("4")];
        var flaky = new Flaky(failures);
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.MaxRetries = 2);

        TimeoutException thrown = await Assert.ThrowsAsync<TimeoutException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());

        Assert.Same(failures[2], thrown);
        Assert.Equal(3, flaky.Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_exception_that_comes_out_keeps_the_stack_of_the_delegate(bool asynchronous)
    {
        Func<CancellationToken, ValueTask<int>> action = asynchronous ? FailDeepInsideLater : FailDeepInside;
        using PipelineStage stage = TestStage.Create(_time);

        IOException thrown = await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(action, Ct).InTime());

        Assert.Contains(nameof(FailDeepInside), thrown.StackTrace!, StringComparison.Ordinal);
        Assert.Null(thrown.InnerException);
    }

    [Fact]
    public async Task An_aggregate_that_the_delegate_throws_is_not_unwrapped()
    {
        var aggregate = new AggregateException(new IOException("a"), new IOException("b"));
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.MaxRetries = 0);

        AggregateException thrown = await Assert.ThrowsAsync<AggregateException>(() => stage.ExecuteAsync(new Flaky(aggregate).Invoke, Ct).InTime());

        Assert.Same(aggregate, thrown);
    }

    [Theory]
    [InlineData(ErrorCategory.Defect)]
    [InlineData(ErrorCategory.DataQuality)]
    [InlineData(ErrorCategory.Schema)]
    [InlineData(ErrorCategory.Permanent)]
    [InlineData(ErrorCategory.BusinessRule)]
    [InlineData(ErrorCategory.Cancelled)]
    public async Task What_no_retry_can_help_is_not_retried(ErrorCategory category)
    {
        var flaky = new Flaky(new IOException());
        using PipelineStage stage = TestStage.Create(_time, o => o.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<IOException>(category)));

        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());

        Assert.Equal(1, flaky.Calls);
    }

    [Theory]
    [InlineData(ErrorCategory.Transient)]
    [InlineData(ErrorCategory.Throttled)]
    [InlineData(ErrorCategory.Resource)]
    [InlineData(ErrorCategory.Unknown)]
    public async Task What_a_retry_may_help_is_retried(ErrorCategory category)
    {
        var flaky = new Flaky(new IOException());
        using PipelineStage stage = TestStage.Create(_time, o => o.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<IOException>(category)));

        Assert.Equal(2, await stage.ExecuteAsync(flaky.Invoke, Ct).InTime());
    }

    [Fact]
    public async Task An_error_that_is_not_retryable_ends_the_retries_of_one_that_was()
    {
        var flaky = new Flaky(new IOException(), new JsonException());
        using PipelineStage stage = TestStage.Create(_time);

        await Assert.ThrowsAsync<JsonException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());

        Assert.Equal(2, flaky.Calls);
    }

    [Fact]
    public async Task A_success_after_retries_is_a_success()
    {
        var flaky = new Flaky(new IOException(), new TimeoutException(), new IOException());
        using PipelineStage stage = TestStage.Create(_time);

        Assert.Equal(4, await stage.ExecuteAsync(flaky.Invoke, Ct).InTime());
    }

    [Fact]
    public async Task An_empty_budget_denies_the_retry_before_its_delay()
    {
        var flaky = Flaky.Always;
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.Retry.Backoff = TestStage.Seconds(10);
            o.Retry.Budget = new RetryBudget(initialTokens: 0);
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);

        Assert.True(call.IsCompleted);
        Assert.Equal("failure 1", (await Assert.ThrowsAsync<IOException>(() => call.InTime())).Message);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task Successes_pay_for_retries()
    {
        var budget = new RetryBudget(maxTokens: 2, tokensPerSuccess: 0.5, initialTokens: 0);
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.Budget = budget);
        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());

        await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        Assert.Equal(1, budget.Tokens);

        Assert.Equal(2, await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        Assert.Equal(0.5, budget.Tokens);
    }

    [Fact]
    public async Task An_asynchronous_success_pays_too()
    {
        var budget = new RetryBudget(maxTokens: 2, tokensPerSuccess: 1, initialTokens: 0);
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.Budget = budget);

        await stage.ExecuteAsync(static async _ => await Task.Yield(), Ct);

        Assert.Equal(1, budget.Tokens);
    }

    [Fact]
    public async Task Stages_that_share_a_budget_share_its_exhaustion()
    {
        var budget = new RetryBudget(maxTokens: 10, tokensPerSuccess: 0, initialTokens: 3);
        using PipelineStage one = TestStage.Create(_time, o => o.Retry.Budget = budget);
        using PipelineStage other = TestStage.Create(_time, o => o.Retry.Budget = budget);
        Flaky first = Flaky.Always;
        Flaky second = Flaky.Always;

        await Assert.ThrowsAsync<IOException>(() => one.ExecuteAsync(first.Invoke, Ct).InTime());
        await Assert.ThrowsAsync<IOException>(() => other.ExecuteAsync(second.Invoke, Ct).InTime());

        Assert.Equal(4, first.Calls);
        Assert.Equal(1, second.Calls);
    }

    [Fact]
    public async Task A_call_that_spent_its_retries_takes_nothing_more_from_the_budget()
    {
        var budget = new RetryBudget(maxTokens: 10, tokensPerSuccess: 0, initialTokens: 10);
        using PipelineStage stage = TestStage.Create(_time, o => (o.Retry.Budget, o.Retry.MaxRetries) = (budget, 2));

        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(Flaky.Always.Invoke, Ct).InTime());

        Assert.Equal(8, budget.Tokens);
    }

    [Fact]
    public async Task A_circuit_that_opens_for_longer_than_the_delay_stops_the_retries_and_the_real_error_comes_out()
    {
        Flaky flaky = Flaky.Always;
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.OpensAtOnce();
            o.Retry.Backoff = TestStage.Seconds(1);
        });

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);

        Assert.True(call.IsCompleted);
        Assert.Equal("failure 1", (await Assert.ThrowsAsync<IOException>(() => call.InTime())).Message);
        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
        Assert.Equal(1, flaky.Calls);
    }

    [Fact]
    public async Task A_delay_that_outlasts_the_break_makes_the_retry_the_probe()
    {
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.OpensAtOnce();
            o.Retry.Backoff = TestStage.Seconds(6);
        });

        ValueTask<int> call = stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(6));

        Assert.Equal(2, await call.InTime());
        Assert.Equal(CircuitState.Closed, stage.Circuit!.State);
    }

    [Fact]
    public async Task A_circuit_that_opens_during_the_delay_lets_the_last_real_error_come_out()
    {
        Flaky flaky = Flaky.Always;
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.Retry.Backoff = TestStage.Seconds(1);
        });
        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        stage.Circuit!.Isolate();

        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        Assert.Equal("failure 1", (await Assert.ThrowsAsync<IOException>(() => call.InTime())).Message);
        Assert.Equal(1, flaky.Calls);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask<int> FailDeepInside(CancellationToken token) => throw new IOException();

    private static async ValueTask<int> FailDeepInsideLater(CancellationToken token)
    {
        await Task.Yield();
        return await FailDeepInside(token);
    }
}
