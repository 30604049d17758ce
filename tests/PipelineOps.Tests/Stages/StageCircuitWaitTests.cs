using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Stages;

/// <summary>A stage that waits for its open circuit instead of rejecting.</summary>
public sealed class StageCircuitWaitTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_break_that_ends_after_the_deadline_rejects_at_once()
    {
        using PipelineStage stage = await Broken(static o => o.TotalTimeout = 5 * Second);

        ValueTask<int> call = stage.ExecuteAsync(new Flaky().Invoke, Ct);

        Assert.True(call.IsCompleted);
        CircuitOpenException thrown = await Assert.ThrowsAsync<CircuitOpenException>(() => call.InTime());
        Assert.Equal(5 * Second, thrown.RetryAfter);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task A_break_that_begins_anew_and_ends_after_the_deadline_ends_the_wait_at_once()
    {
        using MeterProbe meter = new MeterProbe().Listen();
        using PipelineStage stage = await Broken(o =>
        {
            o.MeterFactory = meter;
            o.TotalTimeout = 10 * Second;
        });
        _time.Advance(5 * Second);
        Assert.True(stage.Circuit!.TryAcquire(out CircuitPermit probe));
        ValueTask<int> call = stage.ExecuteAsync(new Flaky().Invoke, Ct);
        Assert.False(call.IsCompleted);

        // Of the ten seconds four are left; the new break takes five.
        _time.Advance(6 * Second);
        probe.Failure();

        Assert.Equal(5 * Second, (await Assert.ThrowsAsync<CircuitOpenException>(() => call.InTime())).RetryAfter);
        Assert.Equal(1, Assert.Single(meter.Observe("pipelineops.circuit.rejections")).Value);
    }

    [Fact]
    public async Task Cancellation_ends_the_wait()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using PipelineStage stage = await Broken();
        ValueTask<int> call = stage.ExecuteAsync(new Flaky().Invoke, caller.Token);
        Assert.False(call.IsCompleted);

        await caller.CancelAsync();

        OperationCanceledException thrown = await Assert.ThrowsAsync<OperationCanceledException>(() => call.InTime());
        Assert.Equal(caller.Token, thrown.CancellationToken);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task The_wait_ends_with_the_total_timeout_if_the_circuit_stays_open_that_long()
    {
        using PipelineStage stage = await Broken(static o => o.TotalTimeout = 6 * Second);
        var waiting = new Flaky();
        ValueTask<int> call = stage.ExecuteAsync(waiting.Invoke, Ct);
        stage.Circuit!.Isolate();

        await _time.AdvanceOnceWaiting(6 * Second);

        Assert.Equal(StageTimeoutKind.Total, (await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime())).Kind);
        Assert.Equal(0, waiting.Calls);
    }

    [Fact]
    public async Task A_call_waits_for_the_break_to_end_and_then_runs()
    {
        using PipelineStage stage = await Broken(static o => o.TotalTimeout = 6 * Second);
        var waiting = new Flaky { Clock = _time };
        DateTimeOffset start = _time.GetUtcNow();

        ValueTask<int> call = stage.ExecuteAsync(waiting.Invoke, Ct);
        await _time.AdvanceOnceWaiting(4.999 * Second);
        Assert.False(call.IsCompleted);
        _time.Advance(0.001 * Second);

        Assert.Equal(1, await call.InTime());
        Assert.Equal(start + 5 * Second, waiting.Times[0]);
        Assert.Equal(CircuitState.Closed, stage.Circuit!.State);
    }

    [Fact]
    public async Task Calls_that_wait_for_one_probe_run_when_it_has_closed_the_circuit()
    {
        using PipelineStage stage = await Broken();
        _time.Advance(5 * Second);
        var gate = new TaskCompletionSource<int>();
        ValueTask<int> probe = stage.ExecuteAsync(_ => gate.Task, Ct);
        Task<int>[] waiting = [.. Enumerable.Range(0, 5).Select(_ => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime())];
        Assert.DoesNotContain(waiting, static call => call.IsCompleted);

        gate.SetResult(1);

        await probe.InTime();
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task A_probe_may_end_before_the_deadline_even_if_its_lease_does_not()
    {
        using PipelineStage stage = await Broken(static o => o.TotalTimeout = 10 * Second);
        _time.Advance(5 * Second);
        var gate = new TaskCompletionSource<int>();
        ValueTask<int> probe = stage.ExecuteAsync(_ => gate.Task, Ct);

        ValueTask<int> call = stage.ExecuteAsync(new Flaky().Invoke, Ct);
        Assert.False(call.IsCompleted);
        gate.SetResult(1);

        await probe.InTime();
        Assert.Equal(1, await call.InTime());
    }

    [Fact]
    public async Task An_isolated_circuit_is_waited_for_until_its_reset()
    {
        using PipelineStage stage = await Broken();
        stage.Circuit!.Isolate();
        ValueTask<int> call = stage.ExecuteAsync(new Flaky().Invoke, Ct);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.False(call.IsCompleted);

        stage.Circuit.Reset();

        Assert.Equal(1, await call.InTime());
    }

    [Fact]
    public async Task A_failed_call_waits_for_the_circuit_before_its_retry()
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.OpensAtOnce();
            o.WaitWhileCircuitOpen = true;
            o.Retry.Backoff = TestStage.Seconds(1);
        });
        var flaky = new Flaky(new IOException()) { Clock = _time };

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(Second);
        await _time.AdvanceOnceWaiting(4 * Second);

        Assert.Equal(2, await call.InTime());
        Assert.Equal([5], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task A_wait_before_a_retry_that_does_not_fit_lets_the_last_error_come_out()
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.OpensAtOnce();
            o.WaitWhileCircuitOpen = true;
            o.TotalTimeout = 4 * Second;
            o.Retry.Backoff = TestStage.Seconds(1);
        });

        ValueTask<int> call = stage.ExecuteAsync(Flaky.Always.Invoke, Ct);
        await _time.AdvanceOnceWaiting(Second);

        Assert.Equal("failure 1", (await Assert.ThrowsAsync<IOException>(() => call.InTime())).Message);
    }

    [Fact]
    public async Task A_call_waits_in_its_concurrency_slot()
    {
        using PipelineStage stage = await Broken(static o => o.Concurrency.MaxConcurrent = 1);
        ValueTask<int> call = stage.ExecuteAsync(new Flaky().Invoke, Ct);

        await Assert.ThrowsAsync<ConcurrencyLimitException>(() => stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());

        await _time.AdvanceOnceWaiting(5 * Second);
        await call.InTime();
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
    }

    private async Task<PipelineStage> Broken(Action<StageOptions>? configure = null)
    {
        PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.OpensAtOnce();
            o.Retry.MaxRetries = 0;
            o.WaitWhileCircuitOpen = true;
            configure?.Invoke(o);
        });
        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
        return stage;
    }
}
