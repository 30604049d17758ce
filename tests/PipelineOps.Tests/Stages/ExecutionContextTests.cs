namespace PipelineOps.Tests.Stages;

public sealed class ExecutionContextTests
{
    private static readonly AsyncLocal<string?> Ambient = new();

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_an_asynchronous_delegate_sets_stays_inside(bool yields)
    {
        Ambient.Value = "caller";
        using PipelineStage stage = TestStage.Create(_time);

        ValueTask call = stage.ExecuteAsync(
            async _ =>
            {
                Ambient.Value = "delegate";
                if (yields)
                    await Task.Yield();
                Assert.Equal("delegate", Ambient.Value);
            },
            Ct);

        Assert.Equal("caller", Ambient.Value);
        await call.InTime();
        Assert.Equal("caller", Ambient.Value);
    }

    [Fact]
    public async Task The_callers_values_reach_every_attempt()
    {
        Ambient.Value = "caller";
        List<string?> seen = [];
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.Backoff = TestStage.Seconds(1));

        ValueTask<int> call = stage.ExecuteAsync(
            async (_, attempt, _) =>
            {
                seen.Add(Ambient.Value);
                Ambient.Value = "attempt";
                await Task.Yield();
                return attempt.IsRetry ? 1 : throw new IOException();
            },
            0,
            Ct);
        await Waiting.Until(() => _time.ActiveTimers == 1);
        await Task.Run(
            () =>
            {
                Ambient.Value = "the clock's thread";
                _time.Advance(TimeSpan.FromSeconds(1));
            },
            Ct);
        await call.InTime();

        Assert.Equal(["caller", "caller"], seen);
    }

    [Fact]
    public async Task The_callers_values_come_through_the_queue()
    {
        Ambient.Value = "caller";
        string? seen = null;
        var gate = new TaskCompletionSource<int>();
        using PipelineStage stage = TestStage.Create(_time, static o => (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1));
        ValueTask<int> running = stage.ExecuteAsync(_ => gate.Task, Ct);
        ValueTask queued = stage.ExecuteAsync(
            _ =>
            {
                seen = Ambient.Value;
                return default;
            },
            Ct);

        Ambient.Value = "later";
        gate.SetResult(1);
        await running.InTime();
        await queued.InTime();

        Assert.Equal("caller", seen);
    }

    [Fact]
    public async Task A_deadline_armed_in_one_call_does_not_run_in_its_callers_context()
    {
        Ambient.Value = "caller";
        string? seen = "nothing";
        using PipelineStage stage = TestStage.Create(_time, static o => (o.AttemptTimeout, o.Retry.MaxRetries) = (TimeSpan.FromSeconds(1), 0));
        ValueTask<int> call = stage.ExecuteAsync(
            async ct =>
            {
                // Registered last, and so called first.
                ValueTask<int> hanging = TestStage.Hang(ct);
                using CancellationTokenRegistration registration = ct.UnsafeRegister(_ => seen = Ambient.Value, null);
                return await hanging;
            },
            Ct);

        Ambient.Value = "the clock's thread";
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
        Assert.Equal("the clock's thread", seen);
    }

    [Fact]
    public void A_caller_that_suppressed_the_flow_of_its_context_gets_a_deadline_too()
    {
        using PipelineStage stage = TestStage.Create(new ManualTimeProvider(), static o => o.AttemptTimeout = TimeSpan.FromSeconds(1));
        using AsyncFlowControl flow = ExecutionContext.SuppressFlow();

        bool canBeCancelled = false;
        ValueTask call = stage.ExecuteAsync(token => { canBeCancelled = token.CanBeCanceled; return default(ValueTask); }, CancellationToken.None);

        Assert.True(call.IsCompletedSuccessfully);
        Assert.True(canBeCancelled);
    }
}
