using System.Text.Json;

namespace PipelineOps.Tests.Stages;

public sealed class StageCircuitTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_open_circuit_rejects_with_its_name_and_the_time_to_wait()
    {
        using PipelineStage stage = OpensAtOnce();
        await Fail(stage);
        _time.Advance(2 * Second);
        var rejected = new Flaky();

        CircuitOpenException thrown = await Assert.ThrowsAsync<CircuitOpenException>(() => stage.ExecuteAsync(rejected.Invoke, Ct).InTime());

        Assert.Equal(("orders", "load"), (thrown.Pipeline, thrown.Stage));
        Assert.Equal(3 * Second, thrown.RetryAfter);
        Assert.Equal(0, rejected.Calls);
    }

    [Fact]
    public async Task A_circuit_whose_probe_is_out_rejects_with_a_time_that_is_not_negative()
    {
        using PipelineStage stage = OpensAtOnce();
        await Fail(stage);
        _time.Advance(60 * Second);
        var gate = new TaskCompletionSource<int>();
        ValueTask<int> probe = stage.ExecuteAsync(_ => gate.Task, Ct);
        _time.Advance(10 * Second);

        CircuitOpenException thrown = await Assert.ThrowsAsync<CircuitOpenException>(() => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());

        Assert.True(thrown.RetryAfter >= TimeSpan.Zero);
        gate.SetResult(1);
        await probe.InTime();
    }

    [Fact]
    public async Task An_isolated_circuit_rejects_without_a_time_to_wait()
    {
        using PipelineStage stage = OpensAtOnce();
        stage.Circuit!.Isolate();

        CircuitOpenException thrown = await Assert.ThrowsAsync<CircuitOpenException>(() => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());

        Assert.Null(thrown.RetryAfter);
    }

    [Fact]
    public async Task A_rejection_is_a_result_with_zero_attempts()
    {
        using PipelineStage stage = OpensAtOnce();
        await Fail(stage);

        StageResult<int> result = await stage.TryExecuteAsync(new Flaky().Invoke, Ct).InTime();

        Assert.True(result.IsRejected);
        Assert.False(result.IsSuccess);
        Assert.Equal(0, result.Attempts);
        Assert.Equal(ErrorCategory.Throttled, result.Classification.Category);
        Assert.Equal(5 * Second, result.Classification.RetryAfter);
        Assert.Equal(5 * Second, Assert.IsType<CircuitOpenException>(result.Error).RetryAfter);
    }

    [Fact]
    public async Task Every_failed_attempt_counts()
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.CircuitBreaker.ConsecutiveFailures = 3;
            o.Retry.MaxRetries = 9;
        });
        Flaky flaky = Flaky.Always;

        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());

        Assert.Equal(3, flaky.Calls);
        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
    }

    [Fact]
    public async Task What_is_the_records_fault_does_not_count()
    {
        using PipelineStage stage = OpensAtOnce();

        await Assert.ThrowsAsync<JsonException>(() => stage.ExecuteAsync(new Flaky(new JsonException()).Invoke, Ct).InTime());
        await Assert.ThrowsAsync<InvalidCastException>(() => stage.ExecuteAsync(new Flaky(new InvalidCastException()).Invoke, Ct).InTime());

        Assert.Equal(CircuitState.Closed, stage.Circuit!.State);
        Assert.Equal(0, stage.Circuit.GetSnapshot().Total);
    }

    [Fact]
    public async Task Cancellation_by_the_caller_does_not_count_whatever_the_delegate_answers_it_with()
    {
        using var caller = new CancellationTokenSource();
        using PipelineStage stage = OpensAtOnce();

        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(
            ValueTask (_) =>
            {
                caller.Cancel();
                throw new IOException("aborted");
            },
            caller.Token).InTime());

        Assert.Equal(0, stage.Circuit!.GetSnapshot().Total);
    }

    [Fact]
    public async Task A_timeout_counts()
    {
        using PipelineStage stage = OpensAtOnce(static o => o.AttemptTimeout = Second);
        ValueTask<int> call = stage.ExecuteAsync(TestStage.Hang, Ct);

        await _time.AdvanceOnceWaiting(Second);

        await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
    }

    [Fact]
    public async Task A_failure_by_result_counts()
    {
        using PipelineStage stage = OpensAtOnce(static o => o.AddResultRule<int>(static v => v < 0 ? ErrorClassification.Transient : null));

        Assert.Equal(-1, await stage.ExecuteAsync(static _ => new ValueTask<int>(-1), Ct));

        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
    }

    [Fact]
    public async Task A_cancelled_probe_gives_its_place_back()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using PipelineStage stage = OpensAtOnce();
        await Fail(stage);
        _time.Advance(5 * Second);
        ValueTask<int> probe = stage.ExecuteAsync(TestStage.Hang, caller.Token);
        Assert.True((await stage.TryExecuteAsync(new Flaky().Invoke, Ct)).IsRejected);

        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => probe.InTime());

        Assert.Equal(CircuitState.HalfOpen, stage.Circuit!.State);
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
        Assert.Equal(CircuitState.Closed, stage.Circuit.State);
    }

    [Fact]
    public async Task A_call_that_began_before_the_break_can_neither_close_nor_reopen_the_circuit()
    {
        using PipelineStage stage = OpensAtOnce(static o => o.CircuitBreaker.ProbeSuccessesToClose = 2);
        var succeeding = new TaskCompletionSource<int>();
        var failing = new TaskCompletionSource<int>();
        ValueTask<int> early = stage.ExecuteAsync(_ => succeeding.Task, Ct);
        ValueTask<int> late = stage.ExecuteAsync(_ => failing.Task, Ct);
        await Fail(stage);
        _time.Advance(5 * Second);
        await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        Assert.Equal(CircuitState.HalfOpen, stage.Circuit!.State);

        succeeding.SetResult(1);
        await early.InTime();
        Assert.Equal(CircuitState.HalfOpen, stage.Circuit.State);
        failing.SetException(new IOException());
        await Assert.ThrowsAsync<IOException>(() => late.InTime());
        Assert.Equal(CircuitState.HalfOpen, stage.Circuit.State);

        await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        Assert.Equal(CircuitState.Closed, stage.Circuit.State);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Slow_calls_open_the_circuit_though_they_succeed(bool asynchronous)
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.CircuitBreaker.MinimumThroughput = 2;
            o.CircuitBreaker.SlowCallRatio = 1;
            o.CircuitBreaker.SlowCallDuration = Second;
        });

        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(CircuitState.Closed, stage.Circuit!.State);
            await stage.ExecuteAsync(
                async _ =>
                {
                    _time.Advance(2 * Second);
                    if (asynchronous)
                        await Task.Yield();
                },
                Ct);
        }

        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
    }

    [Fact]
    public async Task The_duration_of_a_slow_call_is_the_attempts_own()
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.CircuitBreaker.SlowCallRatio = 1;
            o.CircuitBreaker.SlowCallDuration = Second;
            o.Retry.Backoff = TestStage.Seconds(3);
        });

        ValueTask<int> call = stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await _time.AdvanceOnceWaiting(3 * Second);
        await call.InTime();

        Assert.Equal((1, 1, 0), (stage.Circuit!.GetSnapshot().Successes, stage.Circuit.GetSnapshot().Failures, stage.Circuit.GetSnapshot().SlowCalls));
    }

    [Fact]
    public async Task A_disabled_circuit_does_not_exist_and_rejects_nothing()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 0);
        Flaky flaky = Flaky.Always;

        for (int i = 0; i < 50; i++)
            await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());

        Assert.Null(stage.Circuit);
        Assert.Equal(50, flaky.Calls);
    }

    // Real concurrency: a thousand callers reach the circuit at the moment when its break is over, and the first of them changes its state under the
    // others. However they interleave, as many probes as allowed get through, and everyone else is rejected.
    [Fact]
    public async Task A_thousand_callers_on_a_half_open_stage_get_as_many_probes_as_allowed()
    {
        using PipelineStage stage = OpensAtOnce(static o => (o.CircuitBreaker.MaxProbes, o.CircuitBreaker.ProbeSuccessesToClose) = (3, 3));
        await Fail(stage);
        _time.Advance(5 * Second);
        var gate = new TaskCompletionSource<int>();
        int probes = 0;
        int rejected = 0;

        Task<StageResult<int>>[] calls = [.. Enumerable.Range(0, 1000).Select(_ => Task.Run(
            async () =>
            {
                StageResult<int> result = await stage.TryExecuteAsync(
                    _ =>
                    {
                        Interlocked.Increment(ref probes);
                        return gate.Task;
                    },
                    Ct);
                if (result.IsRejected)
                    Interlocked.Increment(ref rejected);
                return result;
            },
            Ct))];
        await Waiting.Until(() => Volatile.Read(ref probes) + Volatile.Read(ref rejected) == 1000);

        Assert.Equal(3, probes);
        Assert.Equal(CircuitState.HalfOpen, stage.Circuit!.State);
        gate.SetResult(1);
        await Task.WhenAll(calls).WaitAsync(Ct);
        Assert.Equal(CircuitState.Closed, stage.Circuit.State);
    }

    private PipelineStage OpensAtOnce(Action<StageOptions>? configure = null) => TestStage.Create(_time, o =>
    {
        o.OpensAtOnce();
        o.Retry.MaxRetries = 0;
        configure?.Invoke(o);
    });

    private static async Task Fail(PipelineStage stage)
    {
        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
    }
}
