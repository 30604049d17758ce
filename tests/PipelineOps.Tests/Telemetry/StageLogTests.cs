using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

public sealed class StageLogTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly RecordingLoggers _log = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task A_retry_and_the_end_of_retries_are_events_with_their_error()
    {
        Exception[] failures = [new IOException("first"), new IOException("second")];
        using PipelineStage stage = Logged(static o => (o.Retry.MaxRetries, o.Retry.Backoff) = (1, TestStage.Seconds(2)));

        ValueTask<int> call = stage.ExecuteAsync(new Flaky(failures).Invoke, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAsync<IOException>(() => call.InTime());

        Assert.Equal(
            [
                new(
                    "PipelineOps",
                    LogLevel.Information,
                    new EventId(1, "Retry"),
                    "Stage orders/load: attempt 1 failed (Unknown, System.IO.IOException); trying again in 00:00:02.",
                    failures[0]),
                new(
                    "PipelineOps",
                    LogLevel.Warning,
                    new EventId(2, "RetriesExhausted"),
                    "Stage orders/load: gave up after 2 attempts (Unknown, System.IO.IOException): no retries are left.",
                    failures[1]),
            ],
            _log.Entries);
        Assert.Equal(["Retry", "RetriesExhausted"], _log.Entries.Select(static e => e.Id.Name));
    }

    [Fact]
    public async Task The_end_of_retries_says_why()
    {
        using PipelineStage outOfBudget = Logged(static o => o.Retry.Budget = new RetryBudget(initialTokens: 0));
        using PipelineStage outOfTime = Logged(static o => (o.TotalTimeout, o.Retry.Backoff) = (TimeSpan.FromSeconds(1), TestStage.Seconds(2)));
        using PipelineStage brokenOff = Logged(static o => o.OpensAtOnce());

        await outOfBudget.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        await outOfTime.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        await brokenOff.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Assert.Equal(
            ["the retry budget is empty.", "the next delay does not fit into the total timeout.", "the circuit stays open beyond the next delay."],
            _log.Entries.Where(static e => e.Id.Id == 2).Select(static e => e.Message.Split("): ")[1]));
    }

    [Theory]
    [InlineData(ErrorSeverity.Low, LogLevel.Information)]
    [InlineData(ErrorSeverity.Medium, LogLevel.Warning)]
    [InlineData(ErrorSeverity.High, LogLevel.Error)]
    [InlineData(ErrorSeverity.Critical, LogLevel.Critical)]
    public async Task The_end_of_retries_is_as_loud_as_the_error_is_severe(ErrorSeverity severity, LogLevel level)
    {
        using PipelineStage stage = Logged(o =>
        {
            o.Retry.MaxRetries = 1;
            o.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<IOException>(ErrorClassification.Transient with { Severity = severity }));
        });

        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Assert.Equal(level, _log.Entries.Last().Level);
    }

    [Fact]
    public async Task A_change_of_the_circuit_is_an_event()
    {
        using PipelineStage stage = Logged(static o =>
        {
            o.OpensAtOnce();
            o.Retry.MaxRetries = 0;
        });

        await stage.TryExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        _time.Advance(TimeSpan.FromSeconds(5));
        await stage.ExecuteAsync(new Flaky().Invoke, Ct);

        Assert.Equal(
            [
                (3, "CircuitChanged", LogLevel.Warning),
                (3, "CircuitChanged", LogLevel.Information),
                (3, "CircuitChanged", LogLevel.Information),
            ],
            _log.Entries.Select(static e => (e.Id.Id, e.Id.Name!, e.Level)));
        Assert.Equal(
            [
                "Circuit of stage orders/load: Closed -> Open (FailureRatio; break 00:00:05).",
                "Circuit of stage orders/load: Open -> HalfOpen (BreakElapsed; break none).",
                "Circuit of stage orders/load: HalfOpen -> Closed (ProbesSucceeded; break none).",
            ],
            _log.Entries.Select(static e => e.Message));
    }

    [Fact]
    public async Task Calls_that_retrying_has_nothing_to_do_with_are_not_logged()
    {
        using PipelineStage stage = Logged(static _ => { });

        await stage.ExecuteAsync(new Flaky().Invoke, Ct);
        await stage.TryExecuteAsync(new Flaky(new FormatException()).Invoke, Ct);

        Assert.Empty(_log.Entries);
    }

    private PipelineStage Logged(Action<StageOptions> configure) => TestStage.Create(_time, o =>
    {
        o.LoggerFactory = _log;
        configure(o);
    });
}
