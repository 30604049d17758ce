using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Processing;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

public sealed class LogScopeTests : IDisposable
{
    private readonly ScopedLog _log = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_log_whose_scopes_throw_changes_no_outcome_and_gets_every_line(bool whenOpened)
    {
        using var log = new ThrowingScopes(whenOpened);
        using ProcessingStage stage = Stage(o =>
        {
            o.LoggerFactory = log;
            o.Retry.MaxRetries = 1;
            o.Telemetry.LogScopes = true;
        });

        Assert.Equal(2, await stage.Stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime());
        Assert.Equal(Disposition.Quarantined, (await stage.Fail(new FormatException())).Disposition);

        Assert.True(log.Thrown >= 2);
        Assert.Equal(["Retry", "RecordKept"], log.Written);
    }

    [Fact]
    public async Task Every_event_is_in_a_scope_that_says_which_stage_it_is_of()
    {
        using ProcessingStage stage = Stage(o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.Retry.MaxRetries = 1;
            o.Telemetry.LogBurst = 1;
            o.Recovery.SkipLimits.MaxPerWindow = 1;
            o.Recovery.Notify(new Hanging(), new NotificationOptions { MinimumSeverity = ErrorSeverity.Low });
            o.AddResultRule<int>(static _ => throw new InvalidOperationException("rule"));
        });
        for (int i = 0; i < 3; i++)
        {
            await stage.Fail(new FormatException());
            await stage.Stage.ExecuteAsync(static _ => new ValueTask<int>(1), Ct);
        }

        stage.Store.Break();
        Task<RecordResult> pending = stage.Fail(new FormatException());
        await Waiting.Until(() => _log.Of("StoreFailed").Length == 1);
        stage.Store.Mend();
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(100), timers: 2);
        await pending;
        await stage.Stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        stage.Stage.Circuit!.Isolate();
        stage.Dispose();
        await Waiting.Until(() => _log.Of("NotificationsDropped").Length == 1);

        Assert.Equal(Enumerable.Range(1, 10), _log.Lines.Select(static line => line.Id.Id).Distinct().Order());
        Assert.All(_log.Lines, static line =>
        {
            Assert.Equal(("orders", "load"), (line.Values["Pipeline"], line.Values["Stage"]));
            Assert.Single(line.Scopes);
        });
    }

    [Fact]
    public async Task What_is_not_known_is_left_out_of_a_scope()
    {
        using ProcessingStage stage = Stage(static o => o.Retry.MaxRetries = 1);

        await stage.Stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Assert.All(_log.Lines, static line => Assert.Equal(["Pipeline:orders Stage:load"], line.Scopes));
        Assert.Equal(2, _log.Lines.Count);
    }

    [Fact]
    public async Task A_record_that_is_kept_is_in_a_scope_with_its_run_and_its_key_across_waits()
    {
        using ProcessingStage stage = Stage(static o => o.Recovery.Describe<string>(static record => new() { Key = record }));
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = new PipelineRun("nightly");
        Task<RecordResult> pending;
        using (run.Enter())
        {
            pending = stage.Process("record-7", async (_, _) =>
            {
                await go.Task;
                throw new FormatException();
            });
        }

        go.SetResult();
        await pending;

        ScopedLine line = Assert.Single(_log.Of("RecordKept"));
        Assert.Equal([$"Pipeline:orders Stage:load Run:{run.Id} RecordKey:record-7"], line.Scopes);
        Assert.Equal((run.Id, "record-7"), (line.Values["Run"], line.Values["RecordKey"]));
    }

    [Fact]
    public async Task A_retry_within_a_run_is_in_a_scope_with_the_run()
    {
        using ProcessingStage stage = Stage(static o => o.Retry.MaxRetries = 1);
        var run = new PipelineRun("nightly");

        using (run.Enter())
            await stage.Stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);

        Assert.Equal(run.Id, Assert.Single(_log.Of("Retry")).Values["Run"]);
    }

    [Fact]
    public async Task A_scope_ends_with_its_line()
    {
        using ProcessingStage stage = Stage(static o => o.Retry.MaxRetries = 1);

        await stage.Stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        _log.Loggers.CreateLogger("mine").Log(LogLevel.Information, default, "mine", null, static (text, _) => text);

        Assert.Empty(_log.Lines.Last().Scopes);
    }

    [Fact]
    public async Task A_summary_is_neither_in_the_run_nor_in_the_scopes_of_the_lines_that_it_tells_of()
    {
        using ProcessingStage stage = Stage(static o => (o.Retry.MaxRetries, o.Telemetry.LogBurst) = (3, 1));

        using (new PipelineRun("nightly").Enter())
        using (_log.Loggers.CreateLogger("mine").BeginScope("mine"))
            await stage.Stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        stage.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(["Pipeline:orders Stage:load"], Assert.Single(_log.Of("Repeated")).Scopes);
    }

    [Fact]
    public async Task What_a_handler_logs_is_in_a_scope_with_its_record_if_asked_for_and_nothing_after_it()
    {
        using ProcessingStage stage = Stage(static o =>
        {
            o.Telemetry.LogScopes = true;
            o.Telemetry.DescribeOrigin<string>(static record => new RecordOrigin { Key = record });
        });
        ILogger mine = _log.Loggers.CreateLogger("mine");

        using (new PipelineRun("nightly").Enter())
        {
            await stage.Process("record-7", async (_, _) =>
            {
                await Task.Yield();
                Write("within");
            });
        }

        await stage.Process("record-8", (_, _) =>
        {
            Write("at once");
            return default;
        });
        Write("after");

        Assert.Equal(
            [("within", "Pipeline:orders Stage:load Run:nightly RecordKey:record-7"), ("at once", "Pipeline:orders Stage:load RecordKey:record-8"), ("after", "")],
            _log.Lines.Select(static line => (line.Message, string.Concat(line.Scopes))));

        void Write(string text) => mine.Log(LogLevel.Information, default, text, null, static (text, _) => text);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_lines_of_a_call_are_in_one_scope_whether_its_handler_is_in_it_or_not(bool withHandler)
    {
        using ProcessingStage stage = Stage(o =>
        {
            o.Retry.MaxRetries = 1;
            o.Telemetry.LogScopes = withHandler;
            o.Telemetry.DescribeOrigin<string>(static record => new RecordOrigin { Key = record });
        });

        await stage.Process("record-7", static (_, _) => throw new IOException());

        Assert.All([.. _log.Of("Retry"), .. _log.Of("RetriesExhausted")], static line => Assert.Equal(["Pipeline:orders Stage:load RecordKey:record-7"], line.Scopes));
        Assert.Equal((1, 1), (_log.Of("Retry").Length, _log.Of("RetriesExhausted").Length));
    }

    [Fact]
    public async Task What_a_handler_logs_is_in_no_scope_unless_asked_for()
    {
        using ProcessingStage stage = Stage(static _ => { });

        await stage.Process("record-7", (_, _) =>
        {
            _log.Loggers.CreateLogger("mine").Log(LogLevel.Information, default, "within", null, static (text, _) => text);
            return default;
        });

        Assert.Empty(Assert.Single(_log.Lines).Scopes);
    }

    [Fact]
    public async Task A_retry_of_a_record_is_in_a_scope_with_its_key_and_the_run_that_it_came_from()
    {
        using ProcessingStage stage = Stage(static o =>
        {
            o.Retry.MaxRetries = 1;
            o.Telemetry.DescribeOrigin<string>(static record => new RecordOrigin { Key = record, RunId = "producer's" });
        });

        using (new PipelineRun("consumer's").Enter())
            await stage.Process("record-7", static (_, _) => throw new IOException());

        Assert.Equal(["Pipeline:orders Stage:load Run:producer's RecordKey:record-7"], Assert.Single(_log.Of("Retry")).Scopes);
        Assert.Equal(["Pipeline:orders Stage:load Run:producer's RecordKey:record-7"], Assert.Single(_log.Of("RetriesExhausted")).Scopes);
    }

    private ProcessingStage Stage(Action<StageOptions> configure) => new(o =>
    {
        o.LoggerFactory = _log.Loggers;
        configure(o);
    });

    private sealed class Hanging : IFailureNotifier
    {
        public async ValueTask NotifyAsync(FailureRecord failure, CancellationToken cancellationToken) => await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
    }
}
