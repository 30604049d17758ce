using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Recovery;

public sealed class SkipLimitTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly MemoryFailureStore _store;
    private readonly RecordingLoggers _loggers = new();

    public SkipLimitTests() => _store = new MemoryFailureStore(_time);

    public void Dispose() => _loggers.Dispose();

    [Fact]
    public async Task The_record_that_crosses_a_count_fails_the_run_and_is_kept_all_the_same()
    {
        using PipelineStage stage = Stage(limits => limits.MaxPerWindow = 2);

        RecordResult[] results = [await Skip(stage), await Skip(stage), await Skip(stage), await stage.SucceedAsync(), await Skip(stage)];

        Assert.Equal([false, false, true, false, true], results.Select(FailsRun));
        Assert.Equal(Disposition.Quarantined, results[2].Disposition);
        Assert.Equal(4, _store.All.Count);
        Assert.Contains("3 records were skipped within 00:05:00; the limit MaxPerWindow is 2", Crossed()[0], StringComparison.Ordinal);
        Assert.Equal(2, Crossed().Length);
    }

    [Fact]
    public async Task The_record_that_crosses_a_ratio_fails_the_run_with_the_figures()
    {
        using PipelineStage stage = Stage(limits => limits.MaxRatioPerWindow = 0.1);
        for (int i = 0; i < 89; i++)
            Assert.False(FailsRun(await stage.SucceedAsync()));
        for (int i = 0; i < 10; i++)
            Assert.False(FailsRun(await Skip(stage)));

        Assert.True(FailsRun(await Skip(stage)));

        Assert.Contains("11 of 100 records were skipped within 00:05:00; the limit MaxRatioPerWindow is 0.1", Crossed().Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ratio_that_is_reached_exactly_is_not_crossed()
    {
        // In binary 0.29 times 100 is less than 29.
        using PipelineStage stage = Stage(limits => limits.MaxRatioPerWindow = 0.29);
        for (int i = 0; i < 71; i++)
            await stage.SucceedAsync();

        for (int i = 0; i < 29; i++)
            Assert.False(FailsRun(await Skip(stage)));
    }

    [Fact]
    public async Task A_success_that_completes_the_minimum_can_cross_a_ratio_and_the_next_does_not()
    {
        using PipelineStage stage = Stage(limits => (limits.MaxRatioPerWindow, limits.MinimumRecords) = (0.5, 10));
        for (int i = 0; i < 6; i++)
            Assert.False(FailsRun(await Skip(stage)));
        for (int i = 0; i < 3; i++)
            Assert.False(FailsRun(await stage.SucceedAsync()));

        RecordResult tenth = await stage.SucceedAsync();

        Assert.Equal((true, Disposition.Succeeded), (FailsRun(tenth), tenth.Disposition));
        Assert.False(FailsRun(await stage.SucceedAsync()));
    }

    [Fact]
    public async Task What_left_the_window_counts_no_more()
    {
        using PipelineStage stage = Stage(limits => limits.MaxPerWindow = 1);
        await Skip(stage);

        // To one bucket, a sixteenth of the window.
        _time.Advance(TimeSpan.FromMinutes(5) * 15 / 16 - TimeSpan.FromSeconds(1));
        Assert.True(FailsRun(await Skip(stage)));
        _time.Advance(TimeSpan.FromMinutes(5));

        Assert.False(FailsRun(await Skip(stage)));
    }

    [Fact]
    public async Task Records_that_are_given_back_are_not_counted()
    {
        using PipelineStage stage = Stage(limits => limits.MaxPerWindow = 0);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        RecordResult result = await stage.ProcessAsync("record", static (_, token) => throw new OperationCanceledException(token), cancelled.Token).InTime();

        Assert.Equal((Disposition.Returned, NextActionKind.Requeue), (result.Disposition, result.Next.Kind));
        Assert.Empty(Crossed());
    }

    [Fact]
    public async Task The_records_of_a_batch_are_counted_one_by_one()
    {
        using PipelineStage stage = Stage(limits => limits.MaxPerWindow = 2);

        BatchResult result = await stage.ProcessBatchAsync(
            Enumerable.Range(0, 100).ToArray(),
            static (records, _) => records.Any(record => record % 40 == 0) ? throw new ClassifiedException(ErrorClassification.DataQuality) : default,
            BatchEffect.Idempotent,
            TestContext.Current.CancellationToken).InTime();

        Assert.Equal((97, 3), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.Quarantined)));
        Assert.Equal(NextActionKind.FailRun, result.Next.Kind);
        Assert.Equal(3, _store.All.Count);
    }

    [Fact]
    public async Task The_records_of_a_run_are_counted_apart_from_those_of_other_runs()
    {
        using PipelineStage stage = Stage(limits => limits.MaxPerRun = 2);

        for (int run = 0; run < 2; run++)
        {
            RunSummary good = await Run(stage, skipped: 2);
            Assert.Equal((RunOutcome.Completed, 10L, 2L), (good.Outcome, good.Accounting.Read, good.Accounting.Quarantined));
        }

        RunSummary bad = await Run(stage, skipped: 3);

        Assert.Equal(RunOutcome.Failed, bad.Outcome);
        Assert.Contains("3 records were skipped in this run; the limit MaxPerRun is 2", bad.Problem, StringComparison.Ordinal);
        Assert.Equal(bad.Accounting.Read, bad.Accounting.Succeeded + bad.Accounting.Quarantined);
        Assert.Equal(7, _store.All.Count);
    }

    [Fact]
    public async Task A_ratio_of_a_run_is_looked_at_once_there_are_enough_records()
    {
        using PipelineStage stage = Stage(limits => (limits.MaxRatioPerRun, limits.MinimumRecords) = (0.5, 10));

        Assert.Equal(RunOutcome.Completed, (await Run(stage, skipped: 5)).Outcome);
        RunSummary bad = await Run(stage, skipped: 6);

        Assert.Contains("6 of 10 records were skipped in this run; the limit MaxRatioPerRun is 0.5", bad.Problem, StringComparison.Ordinal);
        Assert.Equal((6L, 4L), (bad.Accounting.Quarantined, bad.Accounting.Succeeded));
    }

    // Hunts a crossing that nobody sees: the skip is judged among too few records, and the success that completes them is counted without a look.
    [Fact]
    public async Task However_threads_interleave_somebody_sees_the_crossing()
    {
        const int Threads = 4;
        for (int round = 0; round < 100; round++)
        {
            using PipelineStage stage = Stage(limits => (limits.MaxRatioPerWindow, limits.MinimumRecords) = (0.2, 20));
            using var start = new Barrier(Threads);

            bool[][] failed = await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait();
                    return Enumerable.Range(0, 5).Select(i => FailsRun((i == 2 || thread == 3 && i == 4 ? Skip(stage) : stage.SucceedAsync()).GetAwaiter().GetResult())).ToArray();
                },
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));

            Assert.Contains(failed, results => results.Contains(true));
        }
    }

    // Of ten records, the first ones are bad.
    private static async Task<RunSummary> Run(PipelineStage stage, int skipped)
    {
        try
        {
            return await stage.ProcessAllAsync(
                Records(),
                (record, _) => record < skipped ? throw new ClassifiedException(ErrorClassification.DataQuality) : ValueTask.CompletedTask,
                cancellationToken: TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }
        catch (RunFailedException exception)
        {
            return exception.Summary;
        }

        static async IAsyncEnumerable<int> Records()
        {
            for (int i = 0; i < 10; i++)
            {
                await Task.Yield();
                yield return i;
            }
        }
    }

    private static bool FailsRun(RecordResult result) => result.Next.Kind == NextActionKind.FailRun;

    private static Task<RecordResult> Skip(PipelineStage stage) => stage.FailAsync(ErrorClassification.DataQuality);

    private string[] Crossed() => [.. _loggers.Entries.Where(entry => entry.Id.Name == "SkipLimitCrossed").Select(entry => entry.Message)];

    private PipelineStage Stage(Action<SkipLimits> limit) => RecordStage.Create(_time, _store, options =>
    {
        options.LoggerFactory = _loggers;
        limit(options.Recovery.SkipLimits);
    });
}
