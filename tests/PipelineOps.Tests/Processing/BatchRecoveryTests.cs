using PipelineOps.Tests.Recovery.Strategies;

namespace PipelineOps.Tests.Processing;

/// <summary>Recoveries of records that came in a batch.</summary>
public sealed class BatchRecoveryTests
{
    private static readonly int[] Ten = [.. Enumerable.Range(0, 10)];

    [Fact]
    public async Task A_recovery_that_gives_a_record_of_a_batch_back_leaves_the_records_behind_it_alone()
    {
        using var stage = Stage((context, _) => new(
            context.Record is 2 ? RecoveryOutcome.Return(DispositionReason.Systemic, NextAction.Requeue) : Quarantine));
        var handling = new BatchHandling { Bad = { 2 } };

        BatchResult result = await Process(stage, handling);

        Assert.Empty(stage.Store.Kept);
        Assert.Equal(handling.Done, Ten.Where(number => result[number].IsSuccess));
        Assert.Equal(10 - handling.Done.Count, result.CountOf(Disposition.Returned));
    }

    [Fact]
    public async Task A_batch_cancelled_while_a_bad_record_of_it_is_recovered_gives_the_good_ones_behind_it_back()
    {
        using var caller = new CancellationTokenSource();
        using var stage = Stage((context, token) =>
        {
            if (context.Record is not 2)
                return new(Quarantine);

            caller.Cancel();
            throw new OperationCanceledException(token);
        });
        var handling = new BatchHandling { Bad = { 2 } };

        BatchResult result = await stage.Stage.ProcessBatchAsync(Ten, handling.Handle, BatchEffect.Atomic, caller.Token).InTime();

        Assert.Empty(stage.Store.Kept);
        Assert.Equal(10 - handling.Done.Count, result.CountOf(Disposition.Returned));
    }

    [Fact]
    public async Task A_record_of_a_batch_that_a_recovery_tries_again_keeps_its_idempotency_key()
    {
        using var stage = Stage(async (context, token) => await context.TryAgainAsync(context.Record, token) ? RecoveryOutcome.Recovered : Quarantine);
        var keys = new Dictionary<int, HashSet<string>>();

        await stage.Stage.ProcessBatchAsync(
            Ten,
            static (records, keys, attempt, _) =>
            {
                for (int i = 0; i < records.Count; i++)
                {
                    if (!keys.TryGetValue(records[i], out HashSet<string>? known))
                        keys.Add(records[i], known = []);
                    known.Add(attempt.IdempotencyKey(i));
                }

                return records.Contains(7) ? throw new FormatException() : default(ValueTask);
            },
            keys,
            BatchEffect.Idempotent,
            ProcessingStage.Token).InTime();

        Assert.All(keys.Values, keysOfOne => Assert.Single(keysOfOne));
        Assert.Equal(10, keys.Values.SelectMany(key => key).Distinct().Count());
    }

    [Fact]
    public async Task A_record_that_is_reported_as_failed_when_a_recovery_tries_it_again_has_not_succeeded()
    {
        bool? second = null;
        using var stage = Stage(async (context, token) =>
            (second = await context.TryAgainAsync(context.Record, token)) == true ? RecoveryOutcome.Recovered : Quarantine);

        BatchResult result = await Report(stage, (records, report) =>
        {
            for (int i = 0; i < records.Count; i++)
            {
                if (records[i] == 3)
                    report.Failed(i, new FormatException("3 is bad"));
            }

            report.OthersSucceeded();
        });

        Assert.Equal((false, Disposition.Quarantined, 2), (second, result[3].Disposition, result[3].Attempts));
        Assert.Equal(9, result.CountOf(Disposition.Succeeded));
        Assert.Equal([1, 2], Assert.Single(stage.Store.Kept).Attempts.Select(attempt => attempt.Number));
    }

    [Fact]
    public async Task A_record_that_the_report_does_not_mention_when_a_recovery_tries_it_again_has_not_succeeded()
    {
        using var stage = Stage(async (context, token) => await context.TryAgainAsync(context.Record, token) ? RecoveryOutcome.Recovered : Quarantine);

        BatchResult result = await Report(stage, (records, report) =>
        {
            if (records.Count == 1)
                return;

            report.Failed(3, new FormatException("3 is bad"));
            report.OthersSucceeded();
        });

        Assert.False(result[3].IsSuccess);
        Assert.Single(stage.Store.Kept);
    }

    [Fact]
    public async Task Records_that_are_reported_as_failed_when_a_recovery_tries_their_batch_again_have_not_succeeded()
    {
        using var stage = Stage(async (context, token) =>
            context.BatchSize == 10 && await context.TryAgainAsync(context.Record, token) ? RecoveryOutcome.Recovered : Quarantine);
        int calls = 0;

        BatchResult result = await Report(stage, (_, report) =>
        {
            if (++calls == 1)
                throw new FormatException("the batch is bad");

            report.Failed(3, new FormatException("3 is bad"));
            report.OthersSucceeded();
        });

        Assert.Equal((9, 1), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.Quarantined)));
        Assert.Equal("3 is bad", result[3].Error!.Message);
    }

    [Fact]
    public async Task What_is_left_of_a_search_is_kept_with_the_attempts_and_the_size_of_the_call_that_failed()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.Retry.MaxRetries = 2;
            options.Recovery.Batches.MaxIsolationCalls = 3;
        });
        var handling = new BatchHandling { Bad = { 9 }, Error = static _ => new IOException() };

        BatchResult result = await Process(stage, handling);

        Assert.Equal(stage.Store.Kept.Count, result.CountOf(Disposition.DeadLettered));
        Assert.NotEmpty(stage.Store.Kept);
        Assert.All(stage.Store.Kept, kept => Assert.Equal([10, 10, 10], kept.Attempts.Select(attempt => attempt.BatchSize)));
        Assert.Equal(3, result[9].Attempts);
    }

    [Fact]
    public async Task A_record_that_was_reported_as_failed_is_kept_with_every_attempt_and_its_size()
    {
        using var stage = new ProcessingStage(options => options.Retry.MaxRetries = 2);

        await Report(stage, (records, report) =>
        {
            report.Failed(records.Count == 1 ? 0 : 3, new IOException());
            report.OthersSucceeded();
        });

        Assert.Equal([(1, 10), (2, 1), (3, 1)], Assert.Single(stage.Store.Kept).Attempts.Select(attempt => (attempt.Number, attempt.BatchSize)));
    }

    [Fact]
    public async Task The_attempts_of_a_record_whose_second_call_threw_are_kept_in_their_order()
    {
        using var stage = new ProcessingStage(options => options.Retry.MaxRetries = 2);

        await Report(stage, (records, report) =>
        {
            if (records.Count < 10)
                throw new TimeoutException();

            report.Failed(3, new IOException());
            report.Failed(4, new IOException());
            report.OthersSucceeded();
        });

        Assert.All(stage.Store.Kept, kept => Assert.Equal(
            [(1, "System.IO.IOException", 10), (2, "System.TimeoutException", 2)],
            kept.Attempts.Select(attempt => (attempt.Number, attempt.ErrorType, attempt.BatchSize))));
        Assert.Equal(2, stage.Store.Kept.Count);
    }

    [Fact]
    public async Task A_handler_that_empties_the_list_it_was_given_loses_no_count()
    {
        using var stage = new ProcessingStage();
        List<int> records = [.. Ten];

        try
        {
            await stage.Stage.ProcessBatchAsync(
                records,
                (_, _) =>
                {
                    records.Clear();
                    throw new FormatException();
                },
                BatchEffect.Atomic,
                ProcessingStage.Token).InTime();
        }
        catch (ArgumentOutOfRangeException)
        {
            // There is nothing to keep any more, and the caller hears of it.
        }

        Assert.Equal((10L, 0L), (stage.Stage.Accounting.Read + stage.Stage.Accounting.Returned, stage.Stage.Accounting.InFlight));
    }

    private static RecoveryOutcome Quarantine => RecoveryOutcome.Keep(Disposition.Quarantined, DispositionReason.Poison, NextAction.Continue);

    private static ProcessingStage Stage(Func<RecoveryContext, CancellationToken, ValueTask<RecoveryOutcome>> recover) =>
        new(options => options.Recovery.Use(RecoveryStrategy.Quarantine, new TestRecovery(recover)));

    private static Task<BatchResult> Process(ProcessingStage stage, BatchHandling handling) =>
        stage.Stage.ProcessBatchAsync(Ten, handling.Handle, BatchEffect.Atomic, ProcessingStage.Token).InTime();

    private static Task<BatchResult> Report(ProcessingStage stage, Action<IReadOnlyList<int>, BatchReport> handle) => stage.Stage.ProcessBatchAsync(
        Ten,
        (records, report, _) =>
        {
            handle(records, report);
            return default;
        },
        cancellationToken: ProcessingStage.Token).InTime();
}
