namespace PipelineOps.Tests.Stages;

public sealed class StageConcurrencyTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_beyond_the_limit_and_the_queue_is_rejected_with_the_numbers()
    {
        using PipelineStage stage = Limited(2, 1);
        var gate = new TaskCompletionSource<int>();
        Task<int>[] taken = [.. Enumerable.Range(0, 3).Select(_ => stage.ExecuteAsync(_ => gate.Task, Ct).InTime())];
        var rejected = new Flaky();

        ConcurrencyLimitException thrown = await Assert.ThrowsAsync<ConcurrencyLimitException>(() => stage.ExecuteAsync(rejected.Invoke, Ct).InTime());

        Assert.Equal(("orders", "load", 2, 1), (thrown.Pipeline, thrown.Stage, thrown.MaxConcurrent, thrown.MaxQueued));
        Assert.Null(thrown.RetryAfter);
        Assert.Equal(0, rejected.Calls);
        gate.SetResult(1);
        await Task.WhenAll(taken);
        Assert.Equal(1, await stage.ExecuteAsync(rejected.Invoke, Ct).InTime());
    }

    [Fact]
    public async Task A_rejection_by_the_limit_is_a_result_with_zero_attempts()
    {
        using PipelineStage stage = Limited(1, 0);
        var gate = new TaskCompletionSource<int>();
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);

        StageResult<int> result = await stage.TryExecuteAsync(new Flaky().Invoke, Ct).InTime();

        Assert.True(result.IsRejected);
        Assert.Equal(0, result.Attempts);
        Assert.Equal(TimeSpan.Zero, result.Duration);
        Assert.IsType<ConcurrencyLimitException>(result.Error);
        gate.SetResult(1);
        await running.InTime();
    }

    [Theory]
    [InlineData("throws")]
    [InlineData("throws later")]
    [InlineData("times out")]
    [InlineData("is cancelled")]
    [InlineData("is rejected by its circuit")]
    [InlineData("was cancelled before")]
    public async Task A_slot_is_given_back_however_the_call_ends(string end)
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using PipelineStage stage = Limited(1, 0, o =>
        {
            o.Retry.MaxRetries = 0;
            o.AttemptTimeout = TimeSpan.FromSeconds(1);
            o.CircuitBreaker.Enabled = true;
        });

        for (int i = 0; i < 2; i++)
        {
            if (end == "is rejected by its circuit")
                stage.Circuit!.Isolate();
            if (end == "was cancelled before")
                await caller.CancelAsync();

            ValueTask<int> call = stage.ExecuteAsync(
                async ct =>
                {
                    if (end == "throws later")
                        await Task.Yield();
                    return end.StartsWith("throws", StringComparison.Ordinal) ? throw new IOException() : await TestStage.Hang(ct);
                },
                caller.Token);

            if (end == "times out")
                await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));
            if (end == "is cancelled")
                await caller.CancelAsync();

            Assert.IsNotType<ConcurrencyLimitException>(await Record.ExceptionAsync(() => call.InTime()));
            stage.Circuit!.Reset();
        }

        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
    }

    [Fact]
    public async Task A_call_keeps_its_slot_over_its_retries()
    {
        using PipelineStage stage = Limited(1, 0, static o => o.Retry.Backoff = TestStage.Seconds(1));
        ValueTask<int> retrying = stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);

        await Assert.ThrowsAsync<ConcurrencyLimitException>(() => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());

        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));
        Assert.Equal(2, await retrying.InTime());
    }

    [Fact]
    public async Task Cancellation_in_the_queue_gives_the_place_to_the_next()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using PipelineStage stage = Limited(1, 1);
        var gate = new TaskCompletionSource<int>();
        var cancelled = new Flaky();
        var next = new Flaky();
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);
        ValueTask<int> queued = stage.ExecuteAsync(cancelled.Invoke, caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => queued.InTime());
        ValueTask<int> waiting = stage.ExecuteAsync(next.Invoke, Ct);
        Assert.False(waiting.IsCompleted);
        gate.SetResult(5);
        Assert.Equal(5, await running.InTime());
        Assert.Equal(1, await waiting.InTime());
        Assert.Equal(0, cancelled.Calls);
    }

    [Fact]
    public async Task The_queue_is_served_in_the_order_of_arrival()
    {
        using PipelineStage stage = Limited(1, 10);
        List<int> order = [];
        var gate = new TaskCompletionSource<int>();
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);
        Task<int>[] queued = [.. Enumerable.Range(0, 10).Select(i => stage.ExecuteAsync(
            async _ =>
            {
                order.Add(i);
                await Task.Yield();
                return i;
            },
            Ct).InTime())];

        gate.SetResult(0);
        await running.InTime();
        await Task.WhenAll(queued);

        Assert.Equal(Enumerable.Range(0, 10), order);
    }

    [Fact]
    public async Task A_larger_limit_lets_those_in_the_queue_run_at_once()
    {
        using PipelineStage stage = Limited(1, 5);
        var gate = new TaskCompletionSource<int>();
        int running = 0;
        Task<int>[] calls = [.. Enumerable.Range(0, 5).Select(_ => stage.ExecuteAsync(
            _ =>
            {
                Interlocked.Increment(ref running);
                return gate.Task;
            },
            Ct).InTime())];
        Assert.Equal(1, running);

        stage.Reconfigure(Options(4, 5));

        await Waiting.Until(() => running == 4);
        Assert.Equal(4, running);
        gate.SetResult(1);
        await Task.WhenAll(calls);
        Assert.Equal(5, running);
    }

    [Fact]
    public async Task A_smaller_limit_lets_calls_end_and_admits_fewer_after_them()
    {
        using PipelineStage stage = Limited(3, 0);
        TaskCompletionSource<int>[] gates = [.. Enumerable.Range(0, 3).Select(static _ => new TaskCompletionSource<int>())];
        Task<int>[] calls = [.. gates.Select(gate => stage.ExecuteAsync(_ => gate.Task, Ct).InTime())];

        stage.Reconfigure(Options(1, 0));

        for (int i = 0; i < 3; i++)
        {
            ConcurrencyLimitException thrown = await Assert.ThrowsAsync<ConcurrencyLimitException>(() => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
            Assert.Equal(1, thrown.MaxConcurrent);
            gates[i].SetResult(i);
            await calls[i];
        }

        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
    }

    [Fact]
    public async Task A_limit_that_is_taken_away_rejects_nobody_and_one_set_again_starts_empty()
    {
        using PipelineStage stage = Limited(1, 0);
        var gate = new TaskCompletionSource<int>();
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);

        stage.Reconfigure(TestStage.Options(_time));
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
        stage.Reconfigure(Options(1, 0));
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());

        gate.SetResult(1);
        await running.InTime();
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
    }

    private PipelineStage Limited(int maxConcurrent, int maxQueued, Action<StageOptions>? configure = null) =>
        PipelineStage.Create("orders", "load", Options(maxConcurrent, maxQueued, configure));

    private StageOptions Options(int maxConcurrent, int maxQueued, Action<StageOptions>? configure = null) => TestStage.Options(_time, o =>
    {
        (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (maxConcurrent, maxQueued);
        configure?.Invoke(o);
    });
}
