using System.Collections.Concurrent;
using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Recovery.Notifications;

public sealed class NotificationTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly MemoryFailureStore _store;
    private readonly RecordingLoggers _loggers = new();
    private readonly Notifier _notifier = new();
    private readonly ManualResetEventSlim _gate = new();

    public NotificationTests() => _store = new MemoryFailureStore(_time);

    public void Dispose()
    {
        _gate.Set();
        _loggers.Dispose();
    }

    [Fact]
    public async Task A_notifier_that_blocks_its_thread_slows_neither_the_stage_nor_other_notifiers()
    {
        // On threads of the pool, enough of them would starve the stage and the others.
        bool onPool = false;
        using PipelineStage stage = Stage(recovery =>
        {
            for (int i = 0; i < 10; i++)
            {
                recovery.Notify(new Notifier(async (_, _) =>
                {
                    Volatile.Write(ref onPool, Volatile.Read(ref onPool) || Thread.CurrentThread.IsThreadPoolThread);
                    _gate.Wait(TimeSpan.FromMinutes(1), CancellationToken.None);
                }));
            }

            recovery.Notify(_notifier);
        });

        for (int i = 0; i < 50; i++)
            Assert.Equal(Disposition.Quarantined, (await stage.FailAsync(High, $"{i}")).Disposition);

        await Waiting.Until(() => _notifier.Told.Count == 50);
        Assert.False(_gate.IsSet);
        Assert.False(Volatile.Read(ref onPool));
        Assert.Equal(_store.All.Select(failure => failure.Record), _notifier.Told);
    }

    [Fact]
    public async Task A_notifier_that_never_ends_slows_neither_the_stage_nor_other_notifiers()
    {
        using PipelineStage stage = Stage(recovery => recovery
            .Notify(new Notifier(static (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, token)))
            .Notify(_notifier));

        for (int i = 0; i < 50; i++)
            await stage.FailAsync(High);

        await Waiting.Until(() => _notifier.Told.Count == 50);
    }

    [Fact]
    public async Task A_notifier_that_throws_is_logged_and_told_of_the_next_all_the_same()
    {
        var throwing = new Notifier((failure, _) => throw new InvalidOperationException("no network"));
        var failing = new Notifier(async (failure, _) =>
        {
            await Task.Yield();
            throw new TaskCanceledException("timed out");
        });
        using PipelineStage stage = Stage(recovery => recovery.Notify(throwing).Notify(failing).Notify(_notifier));

        for (int i = 0; i < 3; i++)
            Assert.Equal(Disposition.Quarantined, (await stage.FailAsync(High)).Disposition);

        await Waiting.Until(() => _notifier.Told.Count == 3 && Logged("CallbackFailed").Length == 6);
        Assert.Equal((3, 3), (throwing.Told.Count, failing.Told.Count));
        Assert.All(Logged("CallbackFailed"), entry => Assert.Contains("notifier Notifier", entry.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task When_the_queue_is_full_the_oldest_are_left_out_and_their_number_is_logged_even_before_the_notifier_returns()
    {
        // Given a notifier that is busy with its first failure.
        var busy = new Notifier(async (_, _) => _gate.Wait(TimeSpan.FromMinutes(1), CancellationToken.None));
        using PipelineStage stage = Stage(recovery => recovery.Notify(busy, new NotificationOptions { QueueCapacity = 2 }));
        await stage.FailAsync(High, "0");
        await Waiting.Until(() => busy.Told.Count == 1);

        // When five more come, it is logged at once that some are left out.
        for (int i = 1; i <= 5; i++)
            await stage.FailAsync(High, $"{i}");
        await Waiting.Until(() => Logged("NotificationsDropped").Length > 0);

        // Then the last two are told once it is free, and every one is accounted for.
        _gate.Set();
        await Waiting.Until(() => busy.Told.Count == 3 && Dropped() == 3);
        Assert.Equal(["0", "4", "5"], busy.Told.Select(failure => System.Text.Encoding.UTF8.GetString(failure.Payload!.Content.Span).Trim((char)34)));

        int Dropped() => Logged("NotificationsDropped").Sum(entry =>
            int.Parse(entry.Message.Split(": ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_notifier_is_told_of_failures_that_are_severe_enough_after_they_are_kept()
    {
        int kept = -1;
        var critical = new Notifier((failure, _) =>
        {
            Volatile.Write(ref kept, _store.All.Count(stored => stored.Record.Id == failure.Id));
            return Task.CompletedTask;
        });
        using PipelineStage stage = Stage(recovery => recovery
            .Notify(critical, new NotificationOptions { MinimumSeverity = ErrorSeverity.Critical })
            .Notify(_notifier));

        foreach (ErrorSeverity severity in Enum.GetValues<ErrorSeverity>())
            await stage.FailAsync(High with { Severity = severity });

        await Waiting.Until(() => Volatile.Read(ref kept) >= 0 && _notifier.Told.Count == 2);
        Assert.Equal([ErrorSeverity.High, ErrorSeverity.Critical], _notifier.Told.Select(failure => failure.Severity));
        Assert.Equal(ErrorSeverity.Critical, critical.Told.Single().Severity);
        Assert.Equal(1, kept);
    }

    [Fact]
    public async Task An_escalated_failure_is_told_with_its_escalated_severity()
    {
        using PipelineStage stage = Stage(recovery =>
        {
            recovery.Escalation.Occurrences = 3;
            recovery.Notify(_notifier);
        });

        for (int i = 0; i < 3; i++)
            await stage.FailAsync(ErrorClassification.DataQuality);

        await Waiting.Until(() => _notifier.Told.Count == 1);
        Assert.Equal(ErrorSeverity.High, _notifier.Told.Single().Severity);
    }

    [Fact]
    public async Task Disposing_the_stage_cancels_what_a_notifier_does_and_leaves_out_what_waits()
    {
        var cancelled = new TaskCompletionSource();
        var hanging = new Notifier(async (_, token) =>
        {
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, token);
            }
            finally
            {
                cancelled.SetResult();
            }
        });
        PipelineStage stage = Stage(recovery => recovery.Notify(hanging));
        await stage.FailAsync(High);
        await stage.FailAsync(High);
        await Waiting.Until(() => hanging.Told.Count == 1);

        stage.Dispose();

        await new ValueTask(cancelled.Task).InTime();
        await Waiting.Until(() => Logged("NotificationsDropped").Length == 1);
        Assert.Single(hanging.Told);
        Assert.Empty(Logged("CallbackFailed"));
    }

    // Otherwise a trace would go on in what is told about it, and locals of the request would live as long.
    [Fact]
    public async Task A_notifier_does_not_run_in_the_context_of_the_record()
    {
        var local = new AsyncLocal<string> { Value = "record" };
        var seen = new TaskCompletionSource<string?>();
        using PipelineStage stage = Stage(recovery => recovery.Notify(new Notifier((_, _) =>
        {
            seen.SetResult(local.Value);
            return Task.CompletedTask;
        })));

        await stage.FailAsync(High);

        Assert.Null(await new ValueTask<string?>(seen.Task).InTime());
    }

    private static ErrorClassification High => ErrorClassification.DataQuality with { Severity = ErrorSeverity.High };

    private LogEntry[] Logged(string name) => [.. _loggers.Entries.Where(entry => entry.Id.Name == name)];

    private PipelineStage Stage(Action<RecoveryOptions> configure) => RecordStage.Create(_time, _store, options =>
    {
        options.LoggerFactory = _loggers;
        options.Recovery.Escalation.Occurrences = null;
        configure(options.Recovery);
    });

    private sealed class Notifier(Func<FailureRecord, CancellationToken, Task>? notify = null) : IFailureNotifier
    {
        public ConcurrentQueue<FailureRecord> Told { get; } = [];

        public async ValueTask NotifyAsync(FailureRecord failure, CancellationToken cancellationToken)
        {
            Told.Enqueue(failure);
            if (notify is not null)
                await notify(failure, cancellationToken);
        }
    }
}
