using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Stages;

/// <summary>User code around a call may throw; the call ends as it would have ended.</summary>
public sealed class ThrowingCallbackTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_logger_that_throws_changes_no_outcome()
    {
        using var log = new RecordingLoggers { Throws = true };
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.LoggerFactory = log;
            o.Retry.MaxRetries = 2;
            o.AddResultRule<string>(static _ => throw new InvalidOperationException("rule"));
        });
        Flaky failing = Flaky.Always;

        Assert.Equal("failure 3", (await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(failing.Invoke, Ct).InTime())).Message);
        Assert.Equal(2, await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        Assert.Equal("accepted", await stage.ExecuteAsync(static _ => new ValueTask<string>("accepted"), Ct).InTime());
        Assert.NotEmpty(log.Entries);
    }

    [Fact]
    public async Task A_backoff_that_throws_waits_the_default_delay()
    {
        var flaky = new Flaky(new IOException()) { Clock = _time };
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.Backoff = Backoff.Custom(static _ => throw new InvalidOperationException("backoff")));

        ValueTask<int> call = stage.ExecuteAsync(flaky.Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        Assert.Equal(2, await call.InTime());
        Assert.Equal([0.1], flaky.SecondsBetweenCalls());
    }

    [Fact]
    public async Task A_source_of_randomness_that_throws_is_replaced()
    {
        using PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.OpensAtOnce();
            o.CircuitBreaker.BreakJitter = 0.5;
            o.Retry.MaxRetries = 1;
            o.Retry.Backoff = Backoff.Constant(TimeSpan.FromSeconds(1));
            o.Random = static () => throw new InvalidOperationException("random");
        });

        StageResult<int> result = await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct).InTime();

        Assert.IsType<IOException>(result.Error);
        Assert.Equal(CircuitState.Open, stage.Circuit!.State);
    }

    [Fact]
    public async Task A_listener_of_the_meter_that_throws_changes_no_outcome()
    {
        using var meters = new MeterProbe();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == meters)
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        using var log = new RecordingLoggers();
        int told = 0;
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Throw(ref told));
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => Throw(ref told));
        listener.Start();
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.OpensAtOnce();
            o.MeterFactory = meters;
            o.LoggerFactory = log;
            o.Retry.MaxRetries = 0;
        });

        Assert.Equal(1, await stage.ExecuteAsync(static _ => new ValueTask<int>(1), Ct));
        stage.Circuit!.Reset();
        Assert.IsType<IOException>((await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct).InTime()).Error);
        Assert.True((await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct).InTime()).IsRejected);
        Assert.True(told >= 4);
        Assert.Equal(told, log.Entries.Count(static entry => entry.Message.Contains("the meter listener threw", StringComparison.Ordinal)));

        static void Throw(ref int told)
        {
            told++;
            throw new InvalidOperationException("listener");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_listener_of_spans_that_throws_changes_no_outcome(bool whenStarted)
    {
        using var log = new RecordingLoggers();
        int told = 0;
        string name = $"throwing-{whenStarted}";
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == PipelineOpsTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Name == $"orders/{name}" ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStarted = _ => Tell(whenStarted),
            ActivityStopped = _ => Tell(!whenStarted),
        };
        ActivitySource.AddActivityListener(listener);
        using PipelineStage stage = PipelineStage.Create("orders", name, TestStage.Options(_time, o => o.LoggerFactory = log));

        Assert.Equal(1, await stage.ExecuteAsync(static _ => new ValueTask<int>(1), Ct).InTime());
        Assert.Equal(1, told);
        Assert.Contains("the activity listener threw", Assert.Single(log.Entries).Message, StringComparison.Ordinal);

        void Tell(bool throws)
        {
            if (!throws)
                return;

            told++;
            throw new InvalidOperationException("listener");
        }
    }

    [Fact]
    public async Task A_classifiers_predicate_that_throws_matches_nothing()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.ErrorClassifier = ErrorClassifier.Create(
            static rules => rules.Map<Exception>(static _ => throw new InvalidOperationException("predicate"), ErrorCategory.Transient)));

        StageResult<int> result = await stage.TryExecuteAsync(new Flaky(new JsonException()).Invoke, Ct).InTime();

        Assert.IsType<JsonException>(result.Error);
        Assert.Equal(ErrorCategory.DataQuality, result.Classification.Category);
    }

    [Fact]
    public async Task A_listener_of_the_circuit_that_throws_neither_keeps_it_closed_nor_hides_the_error()
    {
        int told = 0;
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.OpensAtOnce();
            o.Retry.MaxRetries = 0;
            o.CircuitBreaker.OnTransition = _ =>
            {
                told++;
                throw new InvalidOperationException("option");
            };
        });
        stage.Circuit!.Transitioned += _ =>
        {
            told++;
            throw new InvalidOperationException("event");
        };

        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(CircuitState.Open, stage.Circuit.State);
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
        Assert.Equal(CircuitState.Closed, stage.Circuit.State);
        Assert.Equal(6, told);
    }

    [Fact]
    public async Task A_result_rule_that_throws_is_reported()
    {
        using var log = new RecordingLoggers();
        using PipelineStage stage = TestStage.Create(_time, o =>
        {
            o.LoggerFactory = log;
            o.AddResultRule<int>(static _ => throw new InvalidOperationException("rule"));
        });

        Assert.True((await stage.TryExecuteAsync(static _ => new ValueTask<int>(1), Ct).InTime()).IsSuccess);

        LogEntry entry = Assert.Single(log.Entries);
        Assert.Contains("the result rule threw", entry.Message, StringComparison.Ordinal);
        Assert.Equal((4, LogLevel.Error), (entry.Id.Id, entry.Level));
        Assert.Equal("rule", entry.Exception!.Message);
    }
}
