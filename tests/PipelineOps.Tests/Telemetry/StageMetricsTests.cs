using System.Net.Sockets;
using System.Runtime.CompilerServices;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

public sealed class StageMetricsTests : IDisposable
{
    private const string Tags = "pipeline=orders,stage=load";

    private readonly ManualTimeProvider _time = new();
    private readonly MeterProbe _meter = new MeterProbe().Listen();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _meter.Dispose();

    [Fact]
    public async Task A_failure_is_measured_with_its_type()
    {
        using PipelineStage stage = Measured(static o => (o.Retry.MaxRetries, o.Retry.Backoff) = (1, TestStage.Seconds(2)));

        ValueTask<int> call = stage.ExecuteAsync(Flaky.Always.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAsync<IOException>(() => call.InTime());

        Assert.Equal([new("pipelineops.stage.duration", 2, $"{Tags},error.type=System.IO.IOException")], _meter.Of("pipelineops.stage.duration"));
    }

    [Fact]
    public async Task A_failure_by_result_is_measured_with_its_category()
    {
        using PipelineStage stage = Measured(static o => o.AddResultRule<int>(static _ => ErrorClassification.DataQuality));

        await stage.ExecuteAsync(new Flaky().Invoke, Ct);

        Assert.Equal($"{Tags},error.type=data_quality", Assert.Single(_meter.Of("pipelineops.stage.duration")).Tags);
    }

    [Fact]
    public async Task A_success_carries_no_error_even_after_retries()
    {
        using PipelineStage stage = Measured();

        await stage.ExecuteAsync(
            _ =>
            {
                _time.Advance(TimeSpan.FromSeconds(3));
                return default;
            },
            Ct);
        await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await stage.ExecuteAsync(static async _ => await Task.Yield(), Ct);

        Assert.Equal([(3, Tags), (0, Tags), (0, Tags)], _meter.Of("pipelineops.stage.duration").Select(static m => (m.Value, m.Tags)));
    }

    [Fact]
    public async Task Each_attempt_is_measured_and_a_failed_one_with_its_type()
    {
        using PipelineStage stage = Measured();
        int attempt = 0;

        await stage.ExecuteAsync(
            _ =>
            {
                _time.Advance(TimeSpan.FromSeconds(++attempt));
                return attempt < 3 ? ValueTask.FromException<int>(new IOException()) : new(attempt);
            },
            Ct);

        Assert.Equal(
            [(1, $"{Tags},error.type=System.IO.IOException"), (2, $"{Tags},error.type=System.IO.IOException"), (3, Tags)],
            _meter.Of("pipelineops.stage.attempt.duration").Select(static m => (m.Value, m.Tags)));
        Assert.Equal([(6, Tags)], _meter.Of("pipelineops.stage.duration").Select(static m => (m.Value, m.Tags)));
    }

    [Fact]
    public async Task Calls_in_flight_are_active_until_they_end_however_they_do()
    {
        using PipelineStage stage = Measured(static o =>
        {
            o.Concurrency.MaxConcurrent = 1;
            o.Concurrency.MaxQueued = 1;
        });
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        ValueTask<int> running = stage.ExecuteAsync(TestStage.Hang, caller.Token);
        ValueTask<int> queued = stage.ExecuteAsync(TestStage.Hang, caller.Token);
        Assert.True((await stage.TryExecuteAsync(new Flaky().Invoke, Ct)).IsRejected);

        Assert.Equal([new("pipelineops.stage.active", 2, Tags)], _meter.Observe("pipelineops.stage.active"));
        Assert.Equal([new("pipelineops.concurrency.active", 1, Tags)], _meter.Observe("pipelineops.concurrency.active"));
        Assert.Equal([new("pipelineops.concurrency.queued", 1, Tags)], _meter.Observe("pipelineops.concurrency.queued"));
        Assert.Equal([new("pipelineops.concurrency.limit", 1, Tags)], _meter.Observe("pipelineops.concurrency.limit"));
        Assert.Equal([new("pipelineops.concurrency.rejections", 1, Tags)], _meter.Observe("pipelineops.concurrency.rejections"));

        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.InTime());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queued.InTime());

        Assert.Equal([new("pipelineops.stage.active", 0, Tags)], _meter.Observe("pipelineops.stage.active"));
        Assert.Equal([new("pipelineops.concurrency.rejections", 1, Tags)], _meter.Observe("pipelineops.concurrency.rejections"));
    }

    [Fact]
    public async Task A_call_that_waits_for_a_slot_until_its_deadline_is_refused_by_the_limit()
    {
        using PipelineStage stage = Measured(static o =>
        {
            o.Concurrency.MaxConcurrent = 1;
            o.Concurrency.MaxQueued = 1;
            o.TotalTimeout = TimeSpan.FromSeconds(1);
        });
        ValueTask<int> running = stage.ExecuteAsync(async _ => await TestStage.Hang(Ct), Ct);
        ValueTask<int> queued = stage.ExecuteAsync(TestStage.Hang, Ct);

        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1), timers: 2);

        await Assert.ThrowsAsync<StageTimeoutException>(() => queued.InTime());
        Assert.False(running.IsCompleted);
        Assert.Equal([new("pipelineops.concurrency.rejections", 1, Tags)], _meter.Observe("pipelineops.concurrency.rejections"));
    }

    [Fact]
    public async Task A_call_that_began_before_anybody_listened_is_not_counted_where_it_ends()
    {
        using var meter = new MeterProbe();
        using PipelineStage stage = TestStage.Create(_time, o => o.MeterFactory = meter);
        var end = new TaskCompletionSource();
        ValueTask call = stage.ExecuteAsync(async _ => await end.Task, Ct);

        meter.Listen();
        Assert.Equal(0, meter.Observe("pipelineops.stage.active").Single().Value);
        end.SetResult();
        await call.InTime();

        Assert.Equal(0, meter.Observe("pipelineops.stage.active").Single().Value);
        Assert.Empty(meter.Of("pipelineops.stage.duration"));
    }

    [Fact]
    public async Task The_share_of_failures_in_the_circuits_window_is_shown()
    {
        using PipelineStage stage = Measured(static o => (o.CircuitBreaker.Enabled, o.Retry.MaxRetries) = (true, 0));
        Assert.Equal([new("pipelineops.circuit.failure_rate", 0, Tags)], _meter.Observe("pipelineops.circuit.failure_rate"));

        for (int i = 0; i < 3; i++)
            await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Assert.Equal([new("pipelineops.circuit.failure_rate", 0.25, Tags)], _meter.Observe("pipelineops.circuit.failure_rate"));
    }

    [Fact]
    public async Task What_came_before_anybody_listened_is_not_forgotten_if_it_is_not_part_of_a_healthy_call()
    {
        using var meter = new MeterProbe();
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.MeterFactory = meter;
            o.Retry.MaxRetries = 2;
        });
        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        meter.Listen();

        Assert.Equal(2, meter.Observe("pipelineops.retries").Sum(static m => m.Value));
        Assert.Equal(1, Assert.Single(meter.Observe("pipelineops.retries.exhausted")).Value);
    }

    [Fact]
    public async Task A_stage_stops_measuring_when_nobody_listens_any_more()
    {
        var clock = new CountingClock();
        using var meter = new MeterProbe();
        using PipelineStage stage = TestStage.Create(clock, o => o.MeterFactory = meter);

        await stage.ExecuteAsync(static _ => default, Ct);
        Assert.Equal(0, clock.Reads);

        meter.Listen();
        meter.Observe("pipelineops.calls");
        await stage.ExecuteAsync(static _ => default, Ct);
        Assert.Equal(2, clock.Reads);
        Assert.Equal(1, meter.Observe("pipelineops.calls").Sum(static m => m.Value));

        meter.Deafen();
        await stage.ExecuteAsync(static _ => default, Ct);
        Assert.Equal(2, clock.Reads);
    }

    [Fact]
    public async Task Calls_are_counted_for_who_wants_only_the_counts()
    {
        using MeterProbe meter = new MeterProbe().Listen(static instrument => instrument.Name == "pipelineops.calls");
        using PipelineStage stage = TestStage.Create(_time, o => o.MeterFactory = meter);
        meter.Observe("pipelineops.calls");

        await stage.ExecuteAsync(static _ => default, Ct);

        Assert.Equal(1, meter.Observe("pipelineops.calls").Sum(static m => m.Value));
    }

    [Fact]
    public async Task A_rejection_is_no_call_of_the_dependency()
    {
        using PipelineStage stage = Measured(static o => o.CircuitBreaker.Enabled = true);
        stage.Circuit!.Isolate();

        await stage.TryExecuteAsync(new Flaky().Invoke, Ct);

        Assert.Empty(_meter.Of("pipelineops.stage.duration"));
        Assert.Empty(_meter.Of("pipelineops.stage.attempt.duration"));
        Assert.Equal([new("pipelineops.circuit.rejections", 1, Tags)], _meter.Observe("pipelineops.circuit.rejections"));
        Assert.Equal([new("pipelineops.stage.active", 0, Tags)], _meter.Observe("pipelineops.stage.active"));
        Assert.All(_meter.Observe("pipelineops.calls"), static m => Assert.Equal(0, m.Value));
    }

    [Fact]
    public async Task Calls_are_counted_apart_by_what_retrying_did_for_them()
    {
        using PipelineStage stage = Measured(static o => o.Retry.MaxRetries = 1);
        for (int i = 0; i < 4; i++)
            await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        for (int i = 0; i < 3; i++)
            await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        for (int i = 0; i < 2; i++)
            await stage.TryExecuteAsync(new Flaky(new FormatException()).Invoke, Ct);
        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Assert.Equal(
            [
                new("pipelineops.calls", 4, $"{Tags},outcome=succeeded"),
                new("pipelineops.calls", 3, $"{Tags},outcome=succeeded_after_retry"),
                new("pipelineops.calls", 2, $"{Tags},outcome=failed_without_retry"),
                new("pipelineops.calls", 1, $"{Tags},outcome=failed_after_retries"),
            ],
            _meter.Observe("pipelineops.calls"));
        Assert.Equal([new("pipelineops.attempts", 4 + 6 + 2 + 2, Tags)], _meter.Observe("pipelineops.attempts"));
    }

    [Fact]
    public async Task Retries_are_counted_by_category()
    {
        using PipelineStage stage = Measured();

        await stage.ExecuteAsync(new Flaky(new IOException(), new SocketException((int)SocketError.ConnectionReset)).Invoke, Ct);

        Assert.Equal(
            [new("pipelineops.retries", 1, $"{Tags},category=unknown"), new("pipelineops.retries", 1, $"{Tags},category=transient")],
            _meter.ObserveNonZero("pipelineops.retries"));
        Assert.Equal([new("pipelineops.retries.exhausted", 0, Tags)], _meter.Observe("pipelineops.retries.exhausted"));
    }

    [Fact]
    public async Task Retries_that_were_denied_or_are_spent_are_counted()
    {
        using PipelineStage stage = Measured(static o => (o.Retry.MaxRetries, o.Retry.Budget) = (1, new RetryBudget(initialTokens: 1, tokensPerSuccess: 0)));

        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        Assert.Equal([new("pipelineops.retries.denied", 0, Tags)], _meter.Observe("pipelineops.retries.denied"));
        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        await stage.TryExecuteAsync(new Flaky(new FormatException()).Invoke, Ct);

        Assert.Equal([new("pipelineops.retries.denied", 1, Tags)], _meter.Observe("pipelineops.retries.denied"));
        Assert.Equal([new("pipelineops.retries.exhausted", 2, Tags)], _meter.Observe("pipelineops.retries.exhausted"));
    }

    [Fact]
    public async Task The_circuits_state_is_a_series_for_each_state_and_its_changes_are_counted()
    {
        using PipelineStage stage = Measured(static o =>
        {
            o.OpensAtOnce();
            o.Retry.MaxRetries = 0;
        });
        Assert.Equal([1, 0, 0, 0], _meter.Observe("pipelineops.circuit.state").Select(static m => m.Value));

        await stage.TryExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(
            [
                new("pipelineops.circuit.state", 0, $"{Tags},state=closed"),
                new("pipelineops.circuit.state", 1, $"{Tags},state=open"),
                new("pipelineops.circuit.state", 0, $"{Tags},state=half_open"),
                new("pipelineops.circuit.state", 0, $"{Tags},state=isolated"),
            ],
            _meter.Observe("pipelineops.circuit.state"));

        await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        stage.Circuit!.Isolate();

        Assert.Equal(
            ["from=closed,to=open", "from=closed,to=isolated", "from=open,to=half_open", "from=half_open,to=closed"],
            _meter.ObserveNonZero("pipelineops.circuit.transitions").Select(static m => m.Tags[(Tags.Length + 1)..]));
        Assert.Equal([0, 0, 0, 1], _meter.Observe("pipelineops.circuit.state").Select(static m => m.Value));
    }

    [Fact]
    public async Task A_stage_without_a_circuit_has_no_state_to_show()
    {
        using PipelineStage stage = Measured();
        await stage.ExecuteAsync(new Flaky().Invoke, Ct);

        Assert.Empty(_meter.Observe("pipelineops.circuit.state"));
    }

    [Fact]
    public async Task What_a_stage_counted_outlives_it_and_what_it_showed_does_not()
    {
        PipelineStage disposed = Measured(static o => (o.CircuitBreaker.Enabled, o.Retry.MaxRetries, o.Concurrency.MaxConcurrent) = (true, 1, 1));
        await disposed.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await disposed.ProcessAsync("record", static (_, _) => default, Ct);
        var end = new TaskCompletionSource();
        ValueTask late = disposed.ExecuteAsync(async _ => await end.Task, Ct);

        disposed.Dispose();

        Assert.Empty(_meter.Observe("pipelineops.circuit.state"));
        Assert.Empty(_meter.Observe("pipelineops.circuit.failure_rate"));
        Assert.Empty(_meter.Observe("pipelineops.concurrency.limit"));
        Assert.Equal([new("pipelineops.stage.active", 1, Tags)], _meter.Observe("pipelineops.stage.active"));
        end.SetResult();
        await late.InTime();
        Assert.Equal([new("pipelineops.stage.active", 0, Tags)], _meter.Observe("pipelineops.stage.active"));
        Assert.Equal(
            [new("pipelineops.calls", 2, $"{Tags},outcome=succeeded"), new("pipelineops.calls", 1, $"{Tags},outcome=succeeded_after_retry")],
            _meter.ObserveNonZero("pipelineops.calls"));
        Assert.Equal([new("pipelineops.records", 1, $"{Tags},disposition=succeeded")], _meter.ObserveNonZero("pipelineops.records"));
        Assert.Equal([new("pipelineops.retries", 1, $"{Tags},category=unknown")], _meter.ObserveNonZero("pipelineops.retries"));
        Assert.Equal(9, _meter.Observe("pipelineops.circuit.transitions").Count);
    }

    [Fact]
    public async Task Stages_of_one_name_are_one_series_also_one_after_the_other()
    {
        for (int i = 0; i < 3; i++)
        {
            using PipelineStage one = Measured();
            using PipelineStage other = Measured();
            await one.ExecuteAsync(new Flaky().Invoke, Ct);
            await other.ExecuteAsync(new Flaky().Invoke, Ct);
            await one.ProcessAsync("record", static (_, _) => default, Ct);
            await other.ProcessAsync("record", static (_, _) => default, Ct);
        }

        Assert.Equal([new("pipelineops.calls", 12, $"{Tags},outcome=succeeded")], _meter.ObserveNonZero("pipelineops.calls"));
        Assert.Equal([new("pipelineops.records", 6, $"{Tags},disposition=succeeded")], _meter.ObserveNonZero("pipelineops.records"));
        Assert.Equal([new("pipelineops.records.active", 0, Tags)], _meter.Observe("pipelineops.records.active"));
    }

    [Fact]
    public async Task A_record_that_ends_after_its_stage_was_disposed_of_is_counted_too()
    {
        PipelineStage stage = Measured();
        var end = new TaskCompletionSource();
        ValueTask<RecordResult> record = stage.ProcessAsync("record", async (_, _) => await end.Task, Ct);
        stage.Dispose();

        Assert.Equal([new("pipelineops.records.active", 1, Tags)], _meter.Observe("pipelineops.records.active"));
        end.SetResult();
        await record.InTime();

        Assert.Equal([new("pipelineops.records", 1, $"{Tags},disposition=succeeded")], _meter.ObserveNonZero("pipelineops.records"));
        Assert.Equal([new("pipelineops.records.active", 0, Tags)], _meter.Observe("pipelineops.records.active"));
    }

    [Fact]
    public void A_stage_that_counted_nothing_leaves_nothing_behind()
    {
        using var meter = new MeterProbe();
        TestStage.Create(_time, o => o.MeterFactory = meter).Dispose();

        meter.Listen();

        Assert.Empty(meter.Observe("pipelineops.calls"));
    }

    [Fact]
    public void A_stage_that_nobody_holds_is_collected_although_its_meter_lives()
    {
        WeakReference stage = Abandon();
        for (int i = 0; i < 10 && stage.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(stage.IsAlive);
        Assert.Empty(_meter.Observe("pipelineops.circuit.state"));
    }

    [Fact]
    public void Stages_share_the_instruments_of_one_meter()
    {
        using PipelineStage one = Measured();
        using PipelineStage other = PipelineStage.Create("orders", "other", TestStage.Options(_time, o => o.MeterFactory = _meter));

        Assert.Equal(PipelineOpsTelemetry.MeterName, Assert.Single(_meter.Meters).Name);
        Assert.NotEmpty(_meter.Instruments);
        Assert.Distinct(_meter.Instruments.Select(static i => i.Name));
    }

    private PipelineStage Measured(Action<StageOptions>? configure = null) => TestStage.Create(_time, o =>
    {
        o.MeterFactory = _meter;
        configure?.Invoke(o);
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference Abandon() => new(Measured(static o => o.CircuitBreaker.Enabled = true));

    /// <summary>Counts how often a duration is read.</summary>
    private sealed class CountingClock : TimeProvider
    {
        public int Reads { get; private set; }

        public override long GetTimestamp() => ++Reads;
    }
}
