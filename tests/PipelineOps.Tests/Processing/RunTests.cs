using System.Threading.Channels;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Processing;

public sealed class RunTests
{
    [Fact]
    public async Task Options_out_of_range_are_all_listed_before_anything_is_read()
    {
        using var stage = new ProcessingStage();
        var options = new BatchRunOptions<int> { MaxParallelism = 0, BatchSize = 0, Linger = TimeSpan.FromSeconds(-1) };

        InvalidOptionsException exception = await Assert.ThrowsAsync<InvalidOptionsException>(
            () => stage.Stage.ProcessAllAsync(Numbers(1), static (IReadOnlyList<int> _, CancellationToken _) => default, options, ProcessingStage.Token));

        Assert.Equal(3, exception.Failures.Count);
    }

    [Fact]
    public async Task Every_record_of_a_sequence_ends_and_the_summary_says_how()
    {
        using var stage = new ProcessingStage();

        RunSummary summary = await Run(stage, Numbers(100), Handle, new() { Filter = static number => number != 5 });

        Assert.Equal(RunOutcome.Completed, summary.Outcome);
        Assert.Equal((100L, 94L, 1L, 5L, 0L), Figures(summary.Accounting));
        Assert.Equal(stage.Stage.Accounting, summary.Accounting);
        Assert.All(stage.Store.Kept, kept => Assert.Equal(summary.RunId, kept.Run));
    }

    [Fact]
    public async Task Every_record_of_a_channel_ends()
    {
        using var stage = new ProcessingStage();
        var channel = Channel.CreateUnbounded<int>();
        for (int i = 0; i < 100; i++)
            channel.Writer.TryWrite(i);
        channel.Writer.Complete();

        RunSummary summary = await stage.Stage.ProcessAllAsync(channel.Reader, Handle, new RecordRunOptions<int> { MaxParallelism = 4 }, ProcessingStage.Token);

        Assert.Equal((100L, 95L, 0L, 5L, 0L), Figures(summary.Accounting));
    }

    [Fact]
    public async Task No_more_is_read_than_is_worked_on()
    {
        using var stage = new ProcessingStage();
        var channel = Channel.CreateUnbounded<int>();
        for (int i = 0; i < 10; i++)
            channel.Writer.TryWrite(i);
        var go = new TaskCompletionSource();
        var run = new PipelineRun("live");

        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            channel.Reader, async (_, _) => await go.Task, new RecordRunOptions<int> { MaxParallelism = 3, Run = run }, ProcessingStage.Token);
        await Waiting.Until(() => run.Accounting.InFlight == 3);

        Assert.Equal(7, channel.Reader.Count);
        go.SetResult();
        channel.Writer.Complete();
        Assert.Equal(10, (await running).Accounting.Succeeded);
        Assert.Equal(10, run.Accounting.Read);
    }

    [Fact]
    public async Task While_the_circuit_is_open_nothing_is_read_and_what_was_refused_is_held()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.Retry.MaxRetries = 0;
            TestStage.OpensAtOnce(options);
        });
        var channel = Channel.CreateUnbounded<int>();
        for (int i = 0; i < 5; i++)
            channel.Writer.TryWrite(i);
        channel.Writer.Complete();
        int calls = 0;

        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            channel.Reader, (_, _) => Interlocked.Increment(ref calls) == 1 ? throw new IOException() : default(ValueTask), cancellationToken: ProcessingStage.Token);
        await Waiting.Until(() => stage.Stage.Circuit!.State == CircuitState.Open && stage.Time.ActiveTimers >= 1);
        Assert.Equal((1, 4), (calls, channel.Reader.Count));
        stage.Time.Advance(TimeSpan.FromSeconds(5));

        RunSummary summary = await running.WaitAsync(TimeSpan.FromSeconds(20), ProcessingStage.Token);
        Assert.Equal((4L, 1L), (summary.Accounting.Succeeded, summary.Accounting.DeadLettered));
        Assert.Equal(5, calls);
    }

    [Fact]
    public async Task A_full_store_stops_the_reading_until_it_works_again_and_nothing_is_lost()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = TimeSpan.FromMilliseconds(150));
        stage.Store.Break();
        Task<RunSummary> running = Run(stage, Numbers(100), Handle);
        for (int i = 0; i < 20; i++)
            await stage.Time.AdvanceOnceWaiting(TimeSpan.FromMilliseconds(100));
        Assert.Empty(stage.Store.Kept);
        Assert.True(stage.Stage.Accounting.Read < 21);

        stage.Store.Mend();
        await AdvanceUntilOver(stage, running);

        RunSummary summary = await running;
        Assert.Equal((100L, 95L, 0L, 5L, 0L), Figures(summary.Accounting));
        Assert.Equal(5, stage.Store.Kept.Count);
    }

    [Fact]
    public async Task A_cancelled_run_gives_back_what_was_in_flight_and_says_so()
    {
        using var stage = new ProcessingStage();
        using var stop = new CancellationTokenSource();
        List<int> acknowledged = [];
        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            Numbers(100),
            async (number, token) =>
            {
                if (number == 3)
                    await TestStage.Hang(token);
            },
            new RecordRunOptions<int> { Acknowledge = Into(acknowledged) },
            stop.Token);
        await Waiting.Until(() => acknowledged.Count == 3);

        await stop.CancelAsync();

        RunSummary summary = await running;
        Assert.Equal((RunOutcome.Stopped, 3L, 1L, 0L), (summary.Outcome, summary.Accounting.Read, summary.Accounting.Returned, summary.Accounting.InFlight));
        Assert.Equal([0, 1, 2], acknowledged);
    }

    [Fact]
    public async Task A_run_that_is_to_stop_reading_finishes_what_it_has_read()
    {
        using var stage = new ProcessingStage();
        using var stop = new CancellationTokenSource();
        var channel = Channel.CreateUnbounded<int>();
        channel.Writer.TryWrite(1);
        channel.Writer.TryWrite(2);
        var go = new TaskCompletionSource();
        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            channel.Reader, async (_, _) => await go.Task, new RecordRunOptions<int> { StopReading = stop.Token }, ProcessingStage.Token);
        await Waiting.Until(() => stage.Stage.Accounting.InFlight == 1);

        await stop.CancelAsync();
        go.SetResult();

        RunSummary summary = await running;
        Assert.Equal((RunOutcome.Stopped, 1L, 1), (summary.Outcome, summary.Accounting.Succeeded, channel.Reader.Count));
    }

    [Fact]
    public async Task A_failure_that_every_record_would_share_fails_the_run()
    {
        using var stage = new ProcessingStage();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => Run(
            stage, Numbers(10), static (number, _) => number == 3 ? throw new UnauthorizedAccessException("the key has expired") : default));

        Assert.Equal((3L, 1L, 0L), (exception.Summary.Accounting.Succeeded, exception.Summary.Accounting.Returned, exception.Summary.Accounting.InFlight));
        Assert.Contains("the key has expired", exception.Message, StringComparison.Ordinal);
        Assert.IsType<UnauthorizedAccessException>(exception.InnerException);
    }

    [Fact]
    public async Task A_source_that_throws_fails_the_run_after_what_it_gave_is_settled()
    {
        using var stage = new ProcessingStage();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => stage.Stage.ProcessAllAsync(
            Numbers(7, thenThrow: new IOException("the cable is out")),
            static (IReadOnlyList<int> _, CancellationToken _) => default,
            new BatchRunOptions<int> { BatchSize = 5 },
            ProcessingStage.Token));

        Assert.Equal(7, exception.Summary.Accounting.Succeeded);
        Assert.Contains("the source threw IOException: the cable is out", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_many_skipped_records_fail_the_run_with_everything_accounted_for()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.Recovery.SkipLimits.MaxRatioPerRun = 0.04;
            options.Recovery.SkipLimits.MinimumRecords = 50;
        });

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => Run(stage, Numbers(1_000), Handle));

        Assert.Contains("MaxRatioPerRun", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, exception.Summary.Accounting.InFlight);
        Assert.Equal(exception.Summary.Accounting.Quarantined, stage.Store.Kept.Count);
        Assert.InRange(exception.Summary.Accounting.Read, 50, 70);
    }

    [Fact]
    public async Task Acknowledgements_come_in_the_order_of_the_source_however_long_each_record_takes()
    {
        using var stage = new ProcessingStage();
        List<int> acknowledged = [];

        await Run(
            stage,
            Numbers(500),
            static async (number, _) =>
            {
                for (int i = 0; i < number % 7; i++)
                    await Task.Yield();
            },
            new() { MaxParallelism = 8, Ordered = true, Acknowledge = Into(acknowledged) });

        Assert.Equal(Enumerable.Range(0, 500), acknowledged);
    }

    [Fact]
    public async Task Nothing_behind_a_record_that_was_given_back_is_acknowledged_in_order()
    {
        using var stage = new ProcessingStage();
        List<int> acknowledged = [];

        await Assert.ThrowsAsync<RunFailedException>(() => Run(
            stage,
            Numbers(100),
            static async (number, _) =>
            {
                if (number == 10)
                {
                    await Task.Yield();
                    throw new UnauthorizedAccessException();
                }
            },
            new() { MaxParallelism = 8, Ordered = true, Acknowledge = Into(acknowledged) }));

        Assert.Equal(Enumerable.Range(0, 10), acknowledged);
    }

    [Fact]
    public async Task An_acknowledgement_that_throws_fails_the_run()
    {
        using var stage = new ProcessingStage();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => Run(
            stage, Numbers(100), static (_, _) => default, new() { MaxParallelism = 4, Ordered = true, Acknowledge = static (_, _) => throw new IOException("no commit") }));

        Assert.Contains("the acknowledgement threw IOException: no commit", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, exception.Summary.Accounting.InFlight);
    }

    [Fact]
    public async Task A_record_is_acknowledged_only_after_its_failure_is_kept()
    {
        using var stage = new ProcessingStage();
        List<(int Number, int Kept)> acknowledged = [];

        await Run(stage, Numbers(100), Handle, new()
        {
            Acknowledge = (number, result) =>
            {
                if (!result.IsSuccess)
                    acknowledged.Add((number, stage.Store.Kept.Count));
                return default;
            },
        });

        Assert.Equal([(0, 1), (20, 2), (40, 3), (60, 4), (80, 5)], acknowledged);
    }

    [Fact]
    public async Task A_batch_is_processed_when_it_is_full_or_its_linger_is_over()
    {
        using var stage = new ProcessingStage();
        var channel = Channel.CreateUnbounded<int>();
        for (int i = 0; i < 5; i++)
            channel.Writer.TryWrite(i);
        List<int> sizes = [];

        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            channel.Reader,
            (IReadOnlyList<int> records, CancellationToken _) =>
            {
                lock (sizes)
                    sizes.Add(records.Count);
                return default;
            },
            new BatchRunOptions<int> { BatchSize = 3, Linger = TimeSpan.FromSeconds(10) },
            ProcessingStage.Token);
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromSeconds(10));
        await Waiting.Until(() => sizes.Count == 2);
        channel.Writer.TryWrite(5);
        await Waiting.Until(() => stage.Time.ActiveTimers == 1);
        channel.Writer.Complete();

        Assert.Equal(6, (await running.WaitAsync(TimeSpan.FromSeconds(20), ProcessingStage.Token)).Accounting.Succeeded);
        Assert.Equal([3, 2, 1], sizes);
    }

    [Fact]
    public async Task A_batch_of_a_dependency_that_is_down_is_held_and_then_processed()
    {
        using var stage = new ProcessingStage(options => options.Retry.MaxRetries = 0);
        var handling = new BatchHandling { Error = static _ => new IOException("down") };
        handling.Bad.UnionWith(Enumerable.Range(0, 20));
        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            Numbers(20),
            (IReadOnlyList<int> records, CancellationToken token) => handling.Handle(records, token),
            new BatchRunOptions<int> { BatchSize = 20, Effect = BatchEffect.Atomic },
            ProcessingStage.Token);
        await Waiting.Until(() => stage.Time.ActiveTimers == 1);

        handling.Bad.Clear();
        stage.Time.Advance(TimeSpan.FromSeconds(1));

        RunSummary summary = await running.WaitAsync(TimeSpan.FromSeconds(20), ProcessingStage.Token);
        Assert.Equal((20L, 0L), (summary.Accounting.Succeeded, summary.Accounting.Skipped));
        Assert.Equal(Enumerable.Range(0, 20), handling.Done);
    }

    [Fact]
    public async Task A_batch_of_nothing_but_bad_records_does_not_stop_the_run_for_ever()
    {
        using var stage = new ProcessingStage(options => options.Retry.MaxRetries = 0);
        var handling = new BatchHandling { Error = static number => new IOException($"{number}") };
        handling.Bad.UnionWith(Enumerable.Range(0, 20));
        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            Numbers(40),
            (IReadOnlyList<int> records, CancellationToken token) => handling.Handle(records, token),
            new BatchRunOptions<int> { BatchSize = 20, Effect = BatchEffect.Atomic },
            ProcessingStage.Token);
        await AdvanceUntilOver(stage, running);

        RunSummary summary = await running;
        Assert.Equal((20L, 20L), (summary.Accounting.Succeeded, summary.Accounting.DeadLettered));
    }

    private static async Task AdvanceUntilOver(ProcessingStage stage, Task running)
    {
        while (!running.IsCompleted)
        {
            await Waiting.Until(() => running.IsCompleted || stage.Time.ActiveTimers > 0);
            stage.Time.Advance(TimeSpan.FromSeconds(5));
        }
    }

    private static (long Read, long Succeeded, long Filtered, long Quarantined, long InFlight) Figures(RecordAccounting accounting) =>
        (accounting.Read, accounting.Succeeded, accounting.Filtered, accounting.Quarantined, accounting.InFlight);

    private static Func<int, RecordResult, ValueTask> Into(List<int> acknowledged) => (number, _) =>
    {
        lock (acknowledged)
            acknowledged.Add(number);
        return default;
    };

    // Every twentieth is bad.
    private static ValueTask Handle(int number, CancellationToken token) => number % 20 == 0 ? throw new FormatException($"{number}") : default;

    [Fact]
    public async Task A_stage_that_is_disposed_of_during_a_run_is_blamed_and_not_the_source()
    {
        using var stage = new ProcessingStage();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => Run(stage, Numbers(3), (_, _) =>
        {
            stage.Stage.Dispose();
            return default;
        }));

        Assert.Contains("the stage threw ObjectDisposedException", exception.Message, StringComparison.Ordinal);
        Assert.Equal(1, exception.Summary.Accounting.Succeeded);
    }

    private static Task<RunSummary> Run(
        ProcessingStage stage, IAsyncEnumerable<int> source, Func<int, CancellationToken, ValueTask> handler, RecordRunOptions<int>? options = null) =>
        stage.Stage.ProcessAllAsync(source, handler, options, ProcessingStage.Token);

    private static async IAsyncEnumerable<int> Numbers(int count, Exception? thenThrow = null)
    {
        for (int i = 0; i < count; i++)
        {
            if (i % 10 == 9)
                await Task.Yield();
            yield return i;
        }

        if (thenThrow is not null)
            throw thenThrow;
    }
}
