using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Processing;

public sealed class StoreOutageTests
{
    [Fact]
    public async Task A_failing_store_holds_the_record_until_it_works_again()
    {
        using var stage = new ProcessingStage();
        stage.Store.Break();
        Task<RecordResult> pending = stage.Fail(new FormatException("bad"));
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(100));
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(200));
        Assert.False(pending.IsCompleted);

        stage.Store.Mend();
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(400));

        RecordResult result = await pending;
        Assert.Equal(Disposition.Quarantined, result.Disposition);
        Assert.Same(result.Failure, Assert.Single(stage.Store.Kept));
        Assert.Equal(4, stage.Store.Attempts);
    }

    [Fact]
    public async Task A_store_that_stays_broken_gives_the_record_back_with_both_errors()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = TimeSpan.FromSeconds(1));
        stage.Store.Break("No space left on device");
        Task<RecordResult> pending = stage.Fail(new FormatException("bad"));
        foreach (int milliseconds in new[] { 100, 200, 400 })
            await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(milliseconds));

        RecordResult result = await pending;

        Assert.Equal((Disposition.Returned, NextActionKind.RetryAt), (result.Disposition, result.Next.Kind));
        Assert.True(result.Next.At > stage.Time.GetUtcNow());
        Assert.Equal("bad", result.Error!.Message);
        Assert.Equal("No space left on device", result.StoreError!.Message);
        Assert.Null(result.Failure);
        Assert.Equal((0L, 1L), (stage.Stage.Accounting.Read, stage.Stage.Accounting.Returned));
    }

    [Fact]
    public async Task A_store_that_is_closed_for_good_is_not_waited_for_and_fails_the_run()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = Timeout.InfiniteTimeSpan);
        stage.Store.Break(new ObjectDisposedException("store"));

        RecordResult result = await stage.Fail(new FormatException("bad"));
        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(
            () => stage.Stage.ProcessAllAsync(Bad(), static (_, _) => ValueTask.FromException(new FormatException("bad")), cancellationToken: ProcessingStage.Token));

        Assert.Equal((Disposition.Returned, NextActionKind.FailRun, "bad"), (result.Disposition, result.Next.Kind, result.Error!.Message));
        Assert.Contains("the failure store threw ObjectDisposedException", exception.Message, StringComparison.Ordinal);
        Assert.Equal((1L, 0L), (exception.Summary.Accounting.Returned, exception.Summary.Accounting.InFlight));

        static async IAsyncEnumerable<int> Bad()
        {
            await Task.Yield();
            yield return 1;
            yield return 2;
        }
    }

    [Fact]
    public async Task While_the_store_is_down_no_other_record_begins()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = Timeout.InfiniteTimeSpan);
        stage.Store.Break();
        Task<RecordResult> failing = stage.Fail(new FormatException());
        await Waiting.Until(() => stage.Time.ActiveTimers == 1);
        int handled = 0;
        Task<RecordResult> good = stage.Process("good", (_, _) =>
        {
            handled++;
            return default;
        });
        Task<BatchResult> batch = stage.Stage.ProcessBatchAsync(
            [1, 2],
            (_, _) =>
            {
                handled++;
                return default;
            },
            cancellationToken: ProcessingStage.Token).InTime();

        Assert.Equal((0, 4L), (handled, stage.Stage.Accounting.InFlight));
        stage.Store.Mend();
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(100));

        Assert.Equal(Disposition.Quarantined, (await failing).Disposition);
        Assert.Equal(Disposition.Succeeded, (await good).Disposition);
        Assert.True((await batch).IsSuccess);
        Assert.Equal(2, handled);
    }

    [Fact]
    public async Task A_record_that_waits_for_the_store_in_vain_is_given_back_unprocessed()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = TimeSpan.FromSeconds(1));
        stage.Store.Break("full");
        Task<RecordResult> failing = stage.Fail(new FormatException());
        await Waiting.Until(() => stage.Time.ActiveTimers == 1);
        using var caller = new CancellationTokenSource();
        Task<RecordResult> waiting = stage.Process("good", (_, _) => throw new InvalidOperationException("It must not be called."), caller.Token);

        await caller.CancelAsync();

        RecordResult result = await waiting;
        Assert.Equal((Disposition.Returned, 0, "full"), (result.Disposition, result.Attempts, result.StoreError!.Message));
        foreach (int milliseconds in new[] { 100, 200, 400 })
            await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(milliseconds));
        Assert.Equal(Disposition.Returned, (await failing).Disposition);
    }

    [Fact]
    public async Task After_everybody_gave_up_the_next_failure_asks_the_store_again()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = TimeSpan.Zero);
        stage.Store.Break();
        await stage.Fail(new FormatException());
        await stage.Fail(new FormatException());
        stage.Store.Mend();

        RecordResult result = await stage.Fail(new FormatException());

        Assert.Equal((Disposition.Quarantined, 3), (result.Disposition, stage.Store.Attempts));
    }

    [Fact]
    public async Task A_record_cancelled_while_the_store_fails_is_given_back()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = Timeout.InfiniteTimeSpan);
        using var caller = new CancellationTokenSource();
        stage.Store.Break();
        Task<RecordResult> pending = stage.Fail(new FormatException(), caller.Token);
        await Waiting.Until(() => stage.Time.ActiveTimers == 1);

        await caller.CancelAsync();

        Assert.Equal(Disposition.Returned, (await pending).Disposition);
    }

    [Fact]
    public async Task A_store_outage_is_logged_when_it_begins_and_when_it_is_over()
    {
        var loggers = new RecordingLoggers();
        using var stage = new ProcessingStage(options => options.LoggerFactory = loggers);
        stage.Store.Break();
        Task<RecordResult> pending = stage.Fail(new FormatException());
        await Waiting.Until(() => stage.Time.ActiveTimers == 1);
        stage.Store.Mend();
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(100));
        await pending;

        Assert.Equal(["StoreFailed", "StoreRecovered", "RecordKept"], loggers.Entries.Select(entry => entry.Id.Name));
    }

    [Fact]
    public async Task A_store_that_works_again_after_everybody_gave_up_is_said_to_have_recovered()
    {
        var loggers = new RecordingLoggers();
        using var stage = new ProcessingStage(options =>
        {
            options.LoggerFactory = loggers;
            options.Recovery.StoreTimeout = TimeSpan.Zero;
        });
        stage.Store.Break();
        await stage.Fail(new FormatException());
        stage.Store.Mend();

        await stage.Fail(new FormatException());

        Assert.Equal(["StoreFailed", "StoreRecovered", "RecordKept"], loggers.Entries.Select(entry => entry.Id.Name));
    }
}
