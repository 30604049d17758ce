namespace PipelineOps.Tests.Stages;

public sealed class TimeoutTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_attempt_that_takes_too_long_is_cancelled_and_says_which_deadline_it_missed()
    {
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.Retry.MaxRetries) = (2 * Second, 0));

        ValueTask<int> call = stage.ExecuteAsync(TestStage.Hang, Ct);
        await _time.AdvanceOnceWaiting(1.999 * Second);
        Assert.False(call.IsCompleted);
        _time.Advance(0.001 * Second);

        StageTimeoutException thrown = await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
        Assert.Equal(StageTimeoutKind.Attempt, thrown.Kind);
        Assert.Equal(2 * Second, thrown.Timeout);
        Assert.Equal("Stage orders/load exceeded its attempt timeout of 2 s.", thrown.Message);
        Assert.IsAssignableFrom<OperationCanceledException>(thrown.InnerException);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task An_attempt_that_timed_out_is_retried()
    {
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time, o => o.AttemptTimeout = Second);

        ValueTask<int> call = stage.ExecuteAsync(ct => ++calls == 1 ? TestStage.Hang(ct) : new(calls), Ct);
        await _time.AdvanceOnceWaiting(Second);

        Assert.Equal(2, await call.InTime());
    }

    [Fact]
    public async Task Every_attempt_has_a_whole_attempt_timeout()
    {
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.Retry.MaxRetries) = (Second, 1));

        ValueTask<int> call = stage.ExecuteAsync(
            ct =>
            {
                Interlocked.Increment(ref calls);
                return TestStage.Hang(ct);
            },
            Ct);
        await _time.AdvanceOnceWaiting(Second);
        await Waiting.Until(() => calls == 2);
        await _time.AdvanceOnceWaiting(0.999 * Second);
        Assert.False(call.IsCompleted);
        _time.Advance(0.001 * Second);

        await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
    }

    [Fact]
    public async Task The_total_timeout_runs_over_all_attempts()
    {
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.TotalTimeout, o.Retry.MaxRetries) = (2 * Second, 3 * Second, 9));

        ValueTask<int> call = stage.ExecuteAsync(
            ct =>
            {
                Interlocked.Increment(ref calls);
                return TestStage.Hang(ct);
            },
            Ct);
        await _time.AdvanceOnceWaiting(2 * Second);
        await Waiting.Until(() => calls == 2);
        await _time.AdvanceOnceWaiting(Second);

        StageTimeoutException thrown = await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
        Assert.Equal(StageTimeoutKind.Total, thrown.Kind);
        Assert.Equal(3 * Second, thrown.Timeout);
        Assert.Equal("Stage orders/load exceeded its total timeout of 3 s.", thrown.Message);
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task The_total_timeout_runs_over_delays()
    {
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time, o => (o.TotalTimeout, o.Retry.Backoff) = (3 * Second, TestStage.Seconds(2)));

        ValueTask<int> call = stage.ExecuteAsync(
            ct => Interlocked.Increment(ref calls) == 1 ? ValueTask.FromException<int>(new IOException()) : TestStage.Hang(ct), Ct);
        await _time.AdvanceOnceWaiting(2 * Second);
        await Waiting.Until(() => calls == 2);
        await _time.AdvanceOnceWaiting(Second);

        Assert.Equal(StageTimeoutKind.Total, (await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime())).Kind);
    }

    [Fact]
    public async Task The_total_timeout_runs_over_the_wait_for_a_slot()
    {
        var gate = new TaskCompletionSource<int>();
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.TotalTimeout = 3 * Second;
            (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1);
        });
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);
        var queued = new Flaky();
        ValueTask<int> call = stage.ExecuteAsync(queued.Invoke, Ct);

        await _time.AdvanceOnceWaiting(3 * Second, timers: 2);

        StageTimeoutException thrown = await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
        Assert.Equal(StageTimeoutKind.Total, thrown.Kind);
        Assert.Equal(0, queued.Calls);
        gate.SetResult(1);
        await running.InTime();
        Assert.Equal(1, await stage.ExecuteAsync(queued.Invoke, Ct).InTime());
    }

    [Fact]
    public async Task Time_spent_in_the_queue_is_missing_from_what_the_attempt_has()
    {
        var gate = new TaskCompletionSource<int>();
        bool begun = false;
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.TotalTimeout = 3 * Second;
            o.Retry.MaxRetries = 0;
            (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1);
        });
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);
        ValueTask<int> call = stage.ExecuteAsync(
            ct =>
            {
                begun = true;
                return TestStage.Hang(ct);
            },
            Ct);
        await _time.AdvanceOnceWaiting(2 * Second, timers: 2);
        gate.SetResult(1);
        await running.InTime();
        await Waiting.Until(() => begun);

        await _time.AdvanceOnceWaiting(Second);

        Assert.Equal(StageTimeoutKind.Total, (await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime())).Kind);
    }

    [Fact]
    public async Task The_total_timeout_runs_over_the_wait_for_the_circuit()
    {
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.WaitWhileCircuitOpen = true;
            o.TotalTimeout = 3 * Second;
        });
        stage.Circuit!.Isolate();
        var flaky = new Flaky();

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(3 * Second);

        Assert.Equal(StageTimeoutKind.Total, (await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime())).Kind);
        Assert.Equal(0, flaky.Calls);
    }

    [Fact]
    public async Task The_callers_cancellation_wins_over_a_deadline()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var answer = new TaskCompletionSource<int>();
        CancellationToken given = default;
        using PipelineStage stage = TestStage.Create(_time, o => o.AttemptTimeout = Second);
        ValueTask<int> call = stage.ExecuteAsync(
            ct =>
            {
                given = ct;
                return answer.Task;
            },
            caller.Token);
        await _time.AdvanceOnceWaiting(Second);
        await caller.CancelAsync();

        answer.SetCanceled(given);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.InTime());
        Assert.Equal(ErrorCategory.Cancelled, (await stage.TryExecuteAsync(TestStage.Hang, caller.Token).InTime()).Classification.Category);
    }

    [Fact]
    public async Task A_cancelled_caller_gets_an_operation_cancelled_exception_and_no_retry()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.TotalTimeout) = (Second, 5 * Second));
        ValueTask<int> call = stage.ExecuteAsync(
            ct =>
            {
                calls++;
                return TestStage.Hang(ct);
            },
            caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.InTime());
        Assert.Equal(1, calls);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task A_delegate_that_ignores_its_token_and_then_succeeds_has_succeeded()
    {
        var answer = new TaskCompletionSource<int>();
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.TotalTimeout) = (Second, 2 * Second));
        ValueTask<int> call = stage.ExecuteAsync(_ => answer.Task, Ct);
        await _time.AdvanceOnceWaiting(10 * Second);
        Assert.False(call.IsCompleted);

        answer.SetResult(7);

        Assert.Equal(7, await call.InTime());
    }

    [Fact]
    public async Task What_a_delegate_answers_to_the_deadline_with_another_exception_is_kept()
    {
        var own = new IOException("connection closed by cancellation");
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.Retry.MaxRetries) = (Second, 0));
        ValueTask<int> call = stage.ExecuteAsync(
            async ct =>
            {
                try
                {
                    return await TestStage.Hang(ct);
                }
                catch (OperationCanceledException)
                {
                    throw own;
                }
            },
            Ct);

        await _time.AdvanceOnceWaiting(Second);

        Assert.Same(own, await Assert.ThrowsAsync<IOException>(() => call.InTime()));
    }

    [Fact]
    public async Task A_cancellation_of_the_delegates_own_before_the_deadline_is_no_timeout()
    {
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.Retry.MaxRetries) = (Second, 0));

        await Assert.ThrowsAsync<TaskCanceledException>(() => stage.ExecuteAsync(static _ => Task.FromCanceled<int>(new CancellationToken(true)), Ct).InTime());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_delegates_token_obeys_the_caller_and_the_deadline(bool byCaller)
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var answer = new TaskCompletionSource<int>();
        CancellationToken given = default;
        using PipelineStage stage = TestStage.Create(_time, o => o.TotalTimeout = Second);
        ValueTask<int> call = stage.ExecuteAsync(
            ct =>
            {
                given = ct;
                return answer.Task;
            },
            caller.Token);
        Assert.False(given.IsCancellationRequested);

        if (byCaller)
            await caller.CancelAsync();
        else
            _time.Advance(Second);

        Assert.True(given.IsCancellationRequested);
        answer.SetResult(1);
        await call.InTime();
    }

    [Fact]
    public async Task Without_deadlines_the_delegate_gets_the_callers_own_token()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using PipelineStage stage = TestStage.Create(_time);

        Assert.Equal(caller.Token, await stage.ExecuteAsync(static token => new ValueTask<CancellationToken>(token), caller.Token));
    }

    [Fact]
    public async Task Calls_that_end_in_time_leave_no_timer_behind()
    {
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.TotalTimeout) = (Second, 5 * Second));

        await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime();
        await stage.ExecuteAsync(static async _ => await Task.Yield(), Ct).InTime();

        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task A_listener_on_the_delegates_token_that_throws_harms_neither_the_clock_nor_the_call()
    {
        using PipelineStage stage = TestStage.Create(_time, o => (o.AttemptTimeout, o.Retry.MaxRetries) = (Second, 0));
        ValueTask<int> call = stage.ExecuteAsync(
            async ct =>
            {
                // Registered last, and so called first.
                ValueTask<int> hanging = TestStage.Hang(ct);
                using CancellationTokenRegistration registration = ct.Register(static () => throw new InvalidOperationException("listener"));
                return await hanging;
            },
            Ct);

        await _time.AdvanceOnceWaiting(Second);

        await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(0.5)]
    [InlineData(5e9)]
    public void A_timeout_out_of_range_is_refused(double milliseconds)
    {
        InvalidOptionsException thrown = Assert.Throws<InvalidOptionsException>(() => TestStage.Create(_time, o =>
        {
            o.AttemptTimeout = TimeSpan.FromMilliseconds(milliseconds);
            o.TotalTimeout = TimeSpan.FromMilliseconds(milliseconds);
        }));

        Assert.Collection(
            thrown.Failures,
            static failure => Assert.StartsWith("TotalTimeout is ", failure, StringComparison.Ordinal),
            static failure => Assert.StartsWith("AttemptTimeout is ", failure, StringComparison.Ordinal));
    }
}
