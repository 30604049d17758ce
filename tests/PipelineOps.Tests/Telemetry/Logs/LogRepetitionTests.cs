using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Processing;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

public sealed class LogRepetitionTests : IDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly ManualTimeProvider _time = new();
    private readonly ScopedLog _log = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task An_outage_gets_the_first_lines_of_each_kind_and_a_summary_of_the_others_in_each_window()
    {
        using PipelineStage stage = Stage();

        await Fail(stage, 5_000);
        Assert.Equal((10, 10, 0), Counts());

        _time.Advance(Window);
        Assert.Equal((10, 10, 2), Counts());
        Assert.Equal(
            [
                "Stage orders/load: …and 4,990 more Retry (System.IO.IOException) like it in 10 s.",
                "Stage orders/load: …and 4,990 more RetriesExhausted (System.IO.IOException) like it in 10 s.",
            ],
            _log.Messages("Repeated"));
        Assert.Equal([(LogLevel.Information, 10), (LogLevel.Warning, 10)], _log.Of("Repeated").Select(static line => (line.Level, line.Id.Id)));

        await Fail(stage, 11);
        Assert.Equal((20, 20, 2), Counts());
        _time.Advance(Window);
        Assert.EndsWith("…and 1 more Retry (System.IO.IOException) like it in 10 s.", _log.Messages("Repeated")[2], StringComparison.Ordinal);
        Assert.Equal((20, 20, 4), Counts());
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task Without_more_lines_than_the_burst_there_is_neither_a_summary_nor_a_timer()
    {
        using PipelineStage stage = Stage();

        await Fail(stage, 10);

        Assert.Equal(0, _time.ActiveTimers);
        _time.Advance(Window);
        stage.Dispose();
        Assert.Equal((10, 10, 0), Counts());
    }

    [Fact]
    public async Task Disposing_the_stage_tells_at_once_what_is_untold_and_only_once()
    {
        PipelineStage stage = Stage();
        await Fail(stage, 30);
        _time.Advance(TimeSpan.FromSeconds(2.5));

        stage.Dispose();
        stage.Dispose();
        _time.Advance(Window);

        Assert.Equal(
            ["20 more Retry (System.IO.IOException) like it in 2.5 s.", "20 more RetriesExhausted (System.IO.IOException) like it in 2.5 s."],
            _log.Messages("Repeated").Select(static message => message.Split("and ")[1]));
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task Every_line_of_many_threads_is_either_written_or_told_of()
    {
        const int Threads = 8;
        const int Calls = 2_000;
        using PipelineStage stage = Stage(static o => (o.Telemetry.LogBurst, o.Telemetry.LogWindow) = (3, TimeSpan.FromMilliseconds(100)));
        int running = Threads;

        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            Fail(stage, Calls).GetAwaiter().GetResult();
            Interlocked.Decrement(ref running);
        }))];
        foreach (Thread thread in threads)
            thread.Start();

        // Windows end meanwhile, by their timers and by the lines that come after them.
        while (Volatile.Read(ref running) > 0)
        {
            _time.Advance(TimeSpan.FromMilliseconds(20));
            Thread.Yield();
        }

        foreach (Thread thread in threads)
            thread.Join();

        stage.Dispose();
        _time.Advance(Window);

        Assert.Equal(Threads * Calls, _log.Of("Retry").Length + Told("Retry"));
        Assert.Equal(Threads * Calls, _log.Of("RetriesExhausted").Length + Told("RetriesExhausted"));
        Assert.True(Told("Retry") > 0);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task Lines_of_many_threads_within_one_window_are_counted_exactly()
    {
        const int Threads = 8;
        const int Calls = 1_000;
        using PipelineStage stage = Stage();

        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() => Fail(stage, Calls).GetAwaiter().GetResult()))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        _time.Advance(Window);

        Assert.Equal((10, 10, 2), Counts());
        Assert.Equal((7_990, 7_990), (Told("Retry"), Told("RetriesExhausted")));
    }

    [Fact]
    public async Task Errors_of_another_type_are_another_kind()
    {
        using PipelineStage stage = Stage(static o => o.Telemetry.LogBurst = 1);

        await Fail(stage, 3);
        await stage.TryExecuteAsync<int>(static _ => throw new TimeoutException(), Ct);

        Assert.Equal(2, _log.Of("Retry").Length);
    }

    [Fact]
    public async Task Beyond_the_kinds_that_are_counted_apart_all_others_of_an_event_are_one()
    {
        using PipelineStage stage = Stage(static o =>
        {
            o.Telemetry.LogBurst = 1;
            o.ErrorClassifier = ErrorClassifier.Create(static rules => rules.Map<Exception>(ErrorCategory.Transient));
        });
        Type[] types = [.. typeof(string).Assembly.GetTypes().Where(static type => type is { IsClass: true, IsPublic: true, IsAbstract: false, ContainsGenericParameters: false }).Take(100)];

        foreach (Type type in types)
        {
            var error = (Exception)Activator.CreateInstance(typeof(Odd<>).MakeGenericType(type))!;
            await stage.TryExecuteAsync(_ => ValueTask.FromException<int>(error), Ct);
        }

        // 32 types with both events are 64 kinds; then there is one more of each event.
        stage.Dispose();
        Assert.Equal((33, 33, 2), Counts());
        Assert.Equal((67, 67), (Told("Retry"), Told("RetriesExhausted")));
        Assert.All(_log.Messages("Repeated"), static message => Assert.Contains("(other)", message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Lines_whose_level_is_disabled_do_not_count()
    {
        var quiet = new ScopedLog(LogLevel.Warning);
        using PipelineStage stage = Stage(o => o.LoggerFactory = quiet.Loggers);

        await Fail(stage, 100);
        stage.Dispose();

        Assert.Empty(quiet.Of("Retry"));
        Assert.Equal("Stage orders/load: …and 90 more RetriesExhausted (System.IO.IOException) like it in 0 s.", Assert.Single(quiet.Messages("Repeated")));
    }

    [Fact]
    public async Task All_lines_are_written_if_so_many_are_asked_for()
    {
        using PipelineStage stage = Stage(static o => o.Telemetry.LogBurst = int.MaxValue);

        await Fail(stage, 500);
        stage.Dispose();

        Assert.Equal((500, 500, 0), Counts());
    }

    [Fact]
    public async Task A_summary_is_as_loud_as_the_gravest_line_that_it_tells_of()
    {
        ErrorSeverity severity = ErrorSeverity.Low;
        using PipelineStage stage = Stage(o =>
        {
            o.Telemetry.LogBurst = 1;
            o.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<IOException>(_ => severity == ErrorSeverity.Low, ErrorClassification.Transient with { Severity = ErrorSeverity.Low })
                .Map<IOException>(ErrorClassification.Transient with { Severity = ErrorSeverity.Critical }));
        });

        await Fail(stage, 2);
        severity = ErrorSeverity.Critical;
        await Fail(stage, 1);
        severity = ErrorSeverity.Low;
        await Fail(stage, 1);
        stage.Dispose();

        Assert.Equal(
            [LogLevel.Information, LogLevel.Critical],
            _log.Of("Repeated").Select(static line => line.Level));
    }

    [Fact]
    public async Task Records_that_are_kept_and_callbacks_and_stores_that_fail_are_counted_too()
    {
        using var stage = new ProcessingStage(o =>
        {
            o.LoggerFactory = _log.Loggers;
            o.Telemetry.LogBurst = 2;
            o.Recovery.StoreTimeout = TimeSpan.Zero;
            o.AddResultRule<int>(static _ => throw new InvalidOperationException("rule"));
        });

        for (int i = 0; i < 5; i++)
        {
            await stage.Fail(new FormatException());
            await stage.Stage.ExecuteAsync(static _ => new ValueTask<int>(1), Ct);
        }

        stage.Store.Break();
        for (int i = 0; i < 5; i++)
            await stage.Fail(new FormatException());

        stage.Time.Advance(Window);

        Assert.Equal((2, 2, 2), (_log.Of("RecordKept").Length, _log.Of("CallbackFailed").Length, _log.Of("StoreFailed").Length));
        Assert.Equal((3, 3, 3), (Told("RecordKept"), Told("CallbackFailed"), Told("StoreFailed")));
    }

    [Fact]
    public async Task Changes_of_the_circuit_are_all_written()
    {
        using PipelineStage stage = Stage(static o =>
        {
            o.OpensAtOnce();
            o.Telemetry.LogBurst = 1;
        });

        for (int i = 0; i < 20; i++)
        {
            stage.Circuit!.Isolate();
            stage.Circuit.Reset();
        }

        Assert.Equal(40, _log.Of("CircuitChanged").Length);
    }

    [Fact]
    public async Task A_clock_without_timers_costs_the_time_of_the_summary_and_nothing_else()
    {
        var clock = new TimerlessClock(_time);
        using PipelineStage stage = PipelineStage.Create("orders", "load", TestStage.Options(clock, o => Configure(o)));

        await Fail(stage, 30);
        Assert.True(clock.Asked > 0);
        _time.Advance(Window);
        Assert.Equal((10, 10, 0), Counts());
        await Fail(stage, 1);

        Assert.Equal((11, 11, 2), Counts());
        Assert.Equal(["Repeated", "Repeated", "Retry"], _log.Lines.Skip(20).Take(3).Select(static line => line.Id.Name));
    }

    [Fact]
    public async Task Numbers_are_written_the_same_everywhere()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        var foreign = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (foreign.NumberFormat.NumberGroupSeparator, foreign.NumberFormat.NumberDecimalSeparator) = (".", ",");
        using PipelineStage stage = Stage(static o => o.Telemetry.LogWindow = TimeSpan.FromSeconds(1.5));
        await Fail(stage, 1_250);

        CultureInfo.CurrentCulture = foreign;
        try
        {
            _time.Advance(Window);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }

        Assert.Equal("Stage orders/load: …and 1,240 more Retry (System.IO.IOException) like it in 1.5 s.", _log.Messages("Repeated")[0]);
    }

    [Fact]
    public void A_summary_that_is_due_keeps_no_stage_alive_and_comes_all_the_same()
    {
        WeakReference stage = Forgotten();

        for (int i = 0; i < 20 && stage.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(stage.IsAlive);
        _time.Advance(Window);
        Assert.Equal((20, 20), (Told("Retry"), Told("RetriesExhausted")));

        [MethodImpl(MethodImplOptions.NoInlining)]
        WeakReference Forgotten()
        {
            PipelineStage stage = Stage();
            Fail(stage, 30).GetAwaiter().GetResult();
            return new WeakReference(stage);
        }
    }

    private static async Task Fail(PipelineStage stage, int calls)
    {
        for (int i = 0; i < calls; i++)
            await stage.TryExecuteAsync(static _ => ValueTask.FromException<int>(new IOException()), Ct);
    }

    private (int Retries, int Ends, int Summaries) Counts() => (_log.Of("Retry").Length, _log.Of("RetriesExhausted").Length, _log.Of("Repeated").Length);

    private int Told(string eventName) => _log.Messages("Repeated").Where(message => message.Contains($" more {eventName} (", StringComparison.Ordinal)).Sum(static message =>
        int.Parse(message.Split("and ")[1].Split(' ')[0], NumberStyles.AllowThousands, CultureInfo.InvariantCulture));

    private PipelineStage Stage(Action<StageOptions>? configure = null) => TestStage.Create(_time, o =>
    {
        Configure(o);
        configure?.Invoke(o);
    });

    private void Configure(StageOptions options)
    {
        options.LoggerFactory = _log.Loggers;
        options.Retry.MaxRetries = 1;
    }

    private sealed class Odd<T> : Exception;

    private sealed class TimerlessClock(ManualTimeProvider time) : TimeProvider
    {
        public int Asked { get; private set; }

        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Asked++;
            throw new NotSupportedException("timer");
        }
    }
}
