using System.Runtime.CompilerServices;

namespace PipelineOps.Tests.Stages;

public sealed class TryExecuteTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_failure_is_told_with_its_error_its_meaning_and_its_attempts()
    {
        var flaky = Flaky.Always;
        using PipelineStage stage = TestStage.Create(_time, static o => (o.Retry.MaxRetries, o.Retry.Backoff) = (1, TestStage.Seconds(3)));

        ValueTask<StageResult<int>> call = stage.TryExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(3 * Second);
        StageResult<int> result = await call.InTime();

        Assert.False(result.IsSuccess);
        Assert.False(result.IsRejected);
        Assert.Equal("failure 2", Assert.IsType<IOException>(result.Error).Message);
        Assert.Equal(ErrorClassification.Unknown, result.Classification);
        Assert.Equal(2, result.Attempts);
        Assert.Equal(3 * Second, result.Duration);
        Assert.Equal(0, result.Value);
    }

    [Fact]
    public async Task A_deadline_is_a_result()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.TotalTimeout = 2 * Second);

        ValueTask<StageResult<int>> call = stage.TryExecuteAsync(TestStage.Hang, Ct);
        await _time.AdvanceOnceWaiting(2 * Second);
        StageResult<int> result = await call.InTime();

        Assert.IsType<StageTimeoutException>(result.Error);
        Assert.Equal(ErrorCategory.Transient, result.Classification.Category);
        Assert.Equal((1, 2 * Second), (result.Attempts, result.Duration));
    }

    [Theory]
    [InlineData("before", 0)]
    [InlineData("during the attempt", 1)]
    [InlineData("during the delay", 1)]
    [InlineData("in the queue", 0)]
    public async Task Cancellation_is_a_result(string when, int attempts)
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var gate = new TaskCompletionSource<int>();
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.Retry.Backoff = TestStage.Seconds(1);
            (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1);
        });
        ValueTask<int> running = when == "in the queue" ? stage.ExecuteAsync(_ => gate.Task, Ct) : default;
        if (when == "before")
            await caller.CancelAsync();

        ValueTask<StageResult<int>> call = stage.TryExecuteAsync(
            ct => when == "during the attempt" ? TestStage.Hang(ct) : ValueTask.FromException<int>(new IOException()), caller.Token);
        await caller.CancelAsync();
        StageResult<int> result = await call.InTime();

        Assert.IsAssignableFrom<OperationCanceledException>(result.Error);
        Assert.Equal(ErrorCategory.Cancelled, result.Classification.Category);
        Assert.False(result.IsRejected);
        Assert.Equal(attempts, result.Attempts);
        gate.SetResult(1);
        await running.InTime();
    }

    [Fact]
    public async Task Time_spent_in_vain_in_the_queue_is_part_of_the_duration()
    {
        var gate = new TaskCompletionSource<int>();
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.TotalTimeout = 2 * Second;
            (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1);
        });
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);

        ValueTask<StageResult<int>> call = stage.TryExecuteAsync(new Flaky().Invoke, Ct);
        await _time.AdvanceOnceWaiting(2 * Second, timers: 2);
        StageResult<int> result = await call.InTime();

        Assert.IsType<StageTimeoutException>(result.Error);
        Assert.Equal((0, 2 * Second), (result.Attempts, result.Duration));
        gate.SetResult(1);
        await running.InTime();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_success_is_told_with_its_value_and_duration(bool asynchronous)
    {
        using PipelineStage stage = TestStage.Create(_time);

        StageResult<string> result = await stage.TryExecuteAsync(
            async _ =>
            {
                _time.Advance(7 * Second);
                if (asynchronous)
                    await Task.Yield();
                return "loaded";
            },
            Ct).InTime();

        Assert.True(result.IsSuccess);
        Assert.Equal("loaded", result.Value);
        Assert.Equal("loaded", result.GetValueOrThrow());
        Assert.Null(result.Error);
        Assert.Equal((1, 7 * Second), (result.Attempts, result.Duration));
    }

    [Fact]
    public async Task A_duration_is_told_in_the_time_of_any_clock()
    {
        var clock = new SlowClock();
        using PipelineStage stage = TestStage.Create(clock);

        StageResult<int> result = await stage.TryExecuteAsync(
            _ =>
            {
                clock.Milliseconds += 1_500;
                return new ValueTask<int>(1);
            },
            Ct);

        Assert.Equal(TimeSpan.FromSeconds(1.5), result.Duration);
    }

    // A driver may answer the cancellation of its command with an exception of its own.
    [Fact]
    public async Task Whatever_a_delegate_answers_to_the_callers_cancellation_is_no_failure_of_the_dependency()
    {
        using var caller = new CancellationTokenSource();
        using PipelineStage stage = TestStage.Create(_time, static o => o.OpensAtOnce());

        StageResult<int> result = await stage.TryExecuteAsync<int>(
            _ =>
            {
                caller.Cancel();
                throw new IOException("The command was cancelled.");
            },
            caller.Token);

        Assert.IsType<IOException>(result.Error);
        Assert.Equal((ErrorCategory.Cancelled, 1), (result.Classification.Category, result.Attempts));
        Assert.Equal(CircuitState.Closed, stage.Circuit!.State);
    }

    [Fact]
    public async Task A_success_after_retries_tells_its_attempts()
    {
        using PipelineStage stage = TestStage.Create(_time);

        StageResult<int> result = await stage.TryExecuteAsync(new Flaky(new IOException(), new IOException()).Invoke, Ct).InTime();

        Assert.True(result.IsSuccess);
        Assert.Equal((3, 3), (result.Value, result.Attempts));
    }

    [Fact]
    public async Task Asking_a_failure_for_its_value_throws_the_error_with_the_stack_of_the_delegate()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 0);

        StageResult<int> result = await stage.TryExecuteAsync(FailDeepInside, Ct).InTime();
        IOException thrown = Assert.Throws<IOException>(() => result.GetValueOrThrow());

        Assert.Same(result.Error, thrown);
        Assert.Contains(nameof(FailDeepInside), thrown.StackTrace!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_without_a_result_tells_its_failure_too()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 1);

        StageResult result = await stage.TryExecuteAsync(static ValueTask (_) => throw new IOException(), Ct).InTime();

        Assert.False(result.IsSuccess);
        Assert.False(result.IsRejected);
        Assert.Equal(2, result.Attempts);
        Assert.Equal(ErrorCategory.Unknown, result.Classification.Category);
        Assert.Same(result.Error, Assert.Throws<IOException>(result.ThrowIfFailed));
    }

    [Fact]
    public async Task A_call_without_a_result_tells_its_success_and_its_rejection()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.CircuitBreaker.Enabled = true);
        StageResult success = await stage.TryExecuteAsync(
            _ =>
            {
                _time.Advance(Second);
                return default;
            },
            Ct);
        stage.Circuit!.Isolate();
        StageResult rejection = await stage.TryExecuteAsync(static _ => default, Ct);

        Assert.True(success.IsSuccess);
        Assert.Equal((1, Second), (success.Attempts, success.Duration));
        success.ThrowIfFailed();
        Assert.True(rejection.IsRejected);
        Assert.Equal(0, rejection.Attempts);
        Assert.Throws<CircuitOpenException>(rejection.ThrowIfFailed);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async ValueTask<int> FailDeepInside(CancellationToken token)
    {
        await Task.Yield();
        throw new IOException();
    }

    /// <summary>Ticks in milliseconds, as no clock of the runtime does.</summary>
    private sealed class SlowClock : TimeProvider
    {
        public long Milliseconds { get; set; }

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => Milliseconds;
    }
}
