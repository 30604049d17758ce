namespace PipelineOps.Tests.Stages;

public sealed class ReconfigureTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Invalid_options_are_all_listed_and_the_old_ones_stay()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 1);

        InvalidOptionsException thrown = Assert.Throws<InvalidOptionsException>(() => stage.Reconfigure(TestStage.Options(_time, static o =>
        {
            o.Retry.MaxRetries = -1;
            o.TotalTimeout = TimeSpan.Zero;
            o.CircuitBreaker.FailureRatio = 2;
        })));

        Assert.Equal(3, thrown.Failures.Count);
        Assert.All(thrown.Failures, static failure => Assert.StartsWith("orders/load: ", failure, StringComparison.Ordinal));
        Flaky flaky = Flaky.Always;
        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());
        Assert.Equal(2, flaky.Calls);
    }

    [Fact]
    public async Task A_call_in_flight_keeps_its_timeout_and_the_next_has_the_new_one()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => (o.AttemptTimeout, o.Retry.MaxRetries) = (10 * Second, 0));
        ValueTask<int> old = stage.ExecuteAsync(TestStage.Hang, Ct);

        stage.Reconfigure(TestStage.Options(_time, static o => (o.AttemptTimeout, o.Retry.MaxRetries) = (Second, 0)));
        ValueTask<int> next = stage.ExecuteAsync(TestStage.Hang, Ct);
        _time.Advance(Second);

        Assert.Equal(Second, (await Assert.ThrowsAsync<StageTimeoutException>(() => next.InTime())).Timeout);
        Assert.False(old.IsCompleted);
        _time.Advance(9 * Second);
        Assert.Equal(10 * Second, (await Assert.ThrowsAsync<StageTimeoutException>(() => old.InTime())).Timeout);
    }

    [Fact]
    public async Task A_call_in_flight_keeps_its_retries()
    {
        Flaky flaky = Flaky.Always;
        using PipelineStage stage = TestStage.Create(_time, static o => (o.Retry.MaxRetries, o.Retry.Backoff) = (1, TestStage.Seconds(1)));
        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);

        stage.Reconfigure(TestStage.Options(_time, static o => o.Retry.MaxRetries = 0));
        await _time.AdvanceOnceWaiting(Second);

        await Assert.ThrowsAsync<IOException>(() => call.InTime());
        Assert.Equal(2, flaky.Calls);
    }

    [Fact]
    public async Task The_outcome_of_a_call_in_flight_does_not_count_in_the_new_window()
    {
        var gate = new TaskCompletionSource<int>();
        using PipelineStage stage = TestStage.Create(_time, OpensAtFirst);
        ValueTask<int> call = stage.ExecuteAsync(_ => gate.Task, Ct);

        stage.Reconfigure(TestStage.Options(_time, OpensAtFirst));
        gate.SetException(new IOException());

        await Assert.ThrowsAsync<IOException>(() => call.InTime());
        Assert.Equal(CircuitState.Closed, stage.Circuit!.State);
        Assert.Equal(0, stage.Circuit.GetSnapshot().Total);
    }

    [Fact]
    public async Task An_open_circuit_stays_open_and_goes_by_the_new_options_later()
    {
        using PipelineStage stage = TestStage.Create(_time, OpensAtFirst);
        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        CircuitBreaker circuit = stage.Circuit!;

        stage.Reconfigure(TestStage.Options(_time, static o =>
        {
            OpensAtFirst(o);
            o.CircuitBreaker.BreakDuration = TimeSpan.FromMinutes(1);
        }));

        Assert.Same(circuit, stage.Circuit);
        Assert.Equal(5 * Second, circuit.RetryAfter);
        _time.Advance(5 * Second);
        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        Assert.Equal(TimeSpan.FromMinutes(1), circuit.RetryAfter);
    }

    [Fact]
    public async Task A_circuit_can_be_taken_away_and_given_back()
    {
        using PipelineStage stage = TestStage.Create(_time, OpensAtFirst);
        stage.Circuit!.Isolate();

        stage.Reconfigure(TestStage.Options(_time));
        Assert.Null(stage.Circuit);
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct));

        stage.Reconfigure(TestStage.Options(_time, OpensAtFirst));
        Assert.Equal(CircuitState.Closed, stage.Circuit!.State);
        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        Assert.Equal(CircuitState.Open, stage.Circuit.State);
    }

    [Fact]
    public async Task The_clock_of_a_stage_stays_as_it_was()
    {
        var other = new ManualTimeProvider();
        using PipelineStage stage = TestStage.Create(_time);

        stage.Reconfigure(TestStage.Options(other, static o => (o.AttemptTimeout, o.Retry.MaxRetries) = (Second, 0)));
        ValueTask<int> call = stage.ExecuteAsync(TestStage.Hang, Ct);
        other.Advance(Second);
        Assert.False(call.IsCompleted);
        _time.Advance(Second);

        await Assert.ThrowsAsync<StageTimeoutException>(() => call.InTime());
    }

    [Fact]
    public async Task Later_changes_to_the_options_have_no_effect()
    {
        StageOptions options = TestStage.Options(_time);
        using PipelineStage stage = PipelineStage.Create("orders", "load", options);

        options.Retry.MaxRetries = 0;
        options.AddResultRule<int>(static _ => ErrorClassification.Permanent);

        Assert.True((await stage.TryExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime()).IsSuccess);
    }

    [Fact]
    public void Without_options_there_is_nothing_to_change()
    {
        using PipelineStage stage = TestStage.Create(_time);

        Assert.Throws<ArgumentNullException>("options", () => stage.Reconfigure(null!));
    }

    private static void OpensAtFirst(StageOptions options)
    {
        options.OpensAtOnce();
        options.Retry.MaxRetries = 0;
    }
}
