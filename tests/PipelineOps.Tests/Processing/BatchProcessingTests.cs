using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Processing;

public sealed class BatchProcessingTests
{
    private static readonly int[] Thousand = [.. Enumerable.Range(0, 1_000)];

    [Fact]
    public async Task A_batch_of_a_handler_that_must_not_be_repeated_ends_as_one()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Bad = { 2 } };

        BatchResult result = await Process(stage, [1, 2, 3], handling, BatchEffect.NonIdempotent);

        Assert.Equal((3, 1), (result.CountOf(Disposition.Quarantined), result.Calls));
        Assert.Equal(3, stage.Store.Kept.Count);
        Assert.Equal([1, 2, 3], stage.Store.Kept.Select(kept => int.Parse(System.Text.Encoding.UTF8.GetString(kept.Payload!.Content.Span), null)));
        Assert.All(stage.Store.Kept, kept => Assert.Equal(3, Assert.Single(kept.Attempts).BatchSize));
        Assert.Single(handling.Calls);
    }

    [Theory]
    [InlineData(BatchEffect.Idempotent)]
    [InlineData(BatchEffect.Atomic)]
    public async Task The_bad_records_of_a_batch_are_found_and_the_others_processed_once_in_order(BatchEffect effect)
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Bad = { 17, 500, 501, 999 } };

        BatchResult result = await Process(stage, Thousand, handling, effect);

        Assert.Equal((996, 4), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.Quarantined)));
        Assert.Equal(Thousand.Except(handling.Bad), handling.Done);
        Assert.Equal(handling.Bad.Order(), Thousand.Where(number => !result[number].IsSuccess));
        Assert.All(handling.Bad, number => Assert.Equal($"{number} is bad", result[number].Error!.Message));
        Assert.Equal((996L, 4L, 0L), (stage.Stage.Accounting.Succeeded, stage.Stage.Accounting.Quarantined, stage.Stage.Accounting.InFlight));
        Assert.All(stage.Store.Kept, kept => Assert.Equal([1_000, 1], kept.Attempts.Select(attempt => attempt.BatchSize)));
        Assert.Equal(handling.Calls.Count, result.Calls);
    }

    [Fact]
    public async Task Each_bad_record_is_recovered_by_its_own_error()
    {
        using var stage = new ProcessingStage(options => options.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<InvalidTimeZoneException>(ErrorCategory.BusinessRule)));
        var handling = new BatchHandling
        {
            Bad = { 1, 2, 3 },
            Error = number => number switch { 1 => new FormatException(), 2 => new InvalidTimeZoneException(), _ => new InvalidCastException() },
        };

        BatchResult result = await Process(stage, [0, 1, 2, 3, 4], handling, BatchEffect.Atomic);

        Assert.Equal(
            [Disposition.Succeeded, Disposition.Quarantined, Disposition.Parked, Disposition.DeadLettered, Disposition.Succeeded],
            Enumerable.Range(0, 5).Select(index => result[index].Disposition));
        Assert.Equal(NextActionKind.Park, result.Next.Kind);
    }

    [Fact]
    public async Task Nothing_is_quarantined_when_no_call_succeeds()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Error = static _ => new IOException("down") };
        handling.Bad.UnionWith(Thousand);

        BatchResult result = await Process(stage, Thousand, handling, BatchEffect.Atomic);

        Assert.Equal((1_000, NextActionKind.OpenCircuit), (result.CountOf(Disposition.Returned), result.Next.Kind));
        Assert.Empty(stage.Store.Kept);
        Assert.Equal((0L, 1_000L), (stage.Stage.Accounting.Read, stage.Stage.Accounting.Returned));
        Assert.Equal(DispositionReason.Systemic, result[0].Reason);
    }

    [Fact]
    public async Task The_isolation_ends_when_the_circuit_opens_and_the_rest_is_given_back()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.CircuitBreaker.Enabled = true;
            options.CircuitBreaker.ConsecutiveFailures = 3;
        });
        var handling = new BatchHandling { Error = static _ => new IOException("down") };
        handling.Bad.UnionWith(Thousand);

        BatchResult result = await Process(stage, Thousand, handling, BatchEffect.Atomic);

        Assert.Equal(1_000, result.CountOf(Disposition.Returned));
        Assert.Equal(CircuitState.Open, stage.Stage.Circuit!.State);
        Assert.Equal(3, handling.Calls.Count);
    }

    [Fact]
    public async Task A_passing_failure_is_retried_before_anything_is_isolated()
    {
        using var stage = new ProcessingStage();
        int calls = 0;

        BatchResult result = await stage.Stage.ProcessBatchAsync(
            Thousand, (_, _) => ++calls == 1 ? throw new IOException() : default(ValueTask), BatchEffect.Atomic, ProcessingStage.Token).InTime();

        Assert.True(result.IsSuccess);
        Assert.Equal((2, 1, 2), (calls, result.Calls, result[0].Attempts));
    }

    [Fact]
    public async Task A_short_batch_of_nothing_but_bad_records_is_set_aside_as_its_errors_are_the_records_own()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Bad = { 1, 2, 3 } };

        BatchResult result = await Process(stage, [1, 2, 3], handling, BatchEffect.Atomic);

        Assert.Equal(3, result.CountOf(Disposition.Quarantined));
        Assert.Equal("3 is bad", result[2].Error!.Message);
    }

    [Fact]
    public async Task A_batch_that_is_too_large_is_made_smaller_and_the_size_remembered()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Capacity = 100 };

        BatchResult first = await Process(stage, Thousand, handling, BatchEffect.Idempotent);
        int callsOfFirst = handling.Calls.Count;
        BatchResult second = await Process(stage, Thousand, handling, BatchEffect.Idempotent);

        Assert.True(first.IsSuccess);
        Assert.True(second.IsSuccess);
        Assert.Equal(Thousand.Concat(Thousand), handling.Done);
        Assert.Equal([1_000, 500, 250, 125, 62], handling.Calls.Take(5).Select(call => call.Length));
        Assert.InRange(handling.Calls.Count - callsOfFirst, 10, 14);
        Assert.Empty(stage.Store.Kept);
    }

    [Fact]
    public async Task A_size_that_was_too_large_also_splits_batches_that_must_not_be_repeated()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Capacity = 3 };

        BatchResult first = await Process(stage, [1, 2, 3, 4], handling, BatchEffect.NonIdempotent);
        BatchResult second = await Process(stage, [1, 2, 3, 4], handling, BatchEffect.NonIdempotent);

        Assert.Equal(4, first.CountOf(Disposition.DeadLettered));
        Assert.True(second.IsSuccess);
        Assert.Equal([1, 2, 3, 4], handling.Done);
    }

    [Fact]
    public async Task A_record_that_is_too_large_alone_is_set_aside_as_oversized()
    {
        using var stage = new ProcessingStage();
        int[] sizes = [1, 1, 9, 1];

        BatchResult result = await stage.Stage.ProcessBatchAsync(
            sizes, static (records, _) => records.Sum() > 5 ? throw new InsufficientMemoryException() : default(ValueTask), BatchEffect.Atomic, ProcessingStage.Token).InTime();

        Assert.Equal((3, Disposition.Quarantined, DispositionReason.Oversized), (result.CountOf(Disposition.Succeeded), result[2].Disposition, result[2].Reason));
    }

    [Fact]
    public async Task A_dependency_that_has_no_room_at_all_makes_no_record_oversized()
    {
        using var stage = new ProcessingStage(options => options.Retry.MaxRetries = 0);
        var handling = new BatchHandling { Capacity = 0 };

        BatchResult result = await Process(stage, Thousand, handling, BatchEffect.Atomic);

        Assert.Equal((1_000, NextActionKind.OpenCircuit, DispositionReason.Systemic), (result.CountOf(Disposition.Returned), result.Next.Kind, result[0].Reason));
        Assert.Empty(stage.Store.Kept);
        Assert.InRange(handling.Calls.Count, 10, 14);
    }

    [Fact]
    public async Task A_record_that_came_alone_and_is_too_large_is_retried_and_kept_for_a_redrive()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Capacity = 0 };

        BatchResult result = await Process(stage, [1], handling, BatchEffect.Atomic);

        Assert.Equal((Disposition.DeadLettered, DispositionReason.Exhausted, 4), (result[0].Disposition, result[0].Reason, result[0].Attempts));
    }

    [Fact]
    public async Task A_record_that_is_too_large_first_waits_for_another_to_succeed()
    {
        using var stage = new ProcessingStage();
        int[] sizes = [9, 1, 1, 1];

        BatchResult result = await stage.Stage.ProcessBatchAsync(
            sizes, static (records, _) => records.Sum() > 5 ? throw new InsufficientMemoryException() : default(ValueTask), BatchEffect.Atomic, ProcessingStage.Token).InTime();

        Assert.Equal((3, Disposition.Quarantined, DispositionReason.Oversized), (result.CountOf(Disposition.Succeeded), result[0].Disposition, result[0].Reason));
    }

    [Fact]
    public async Task A_skip_limit_within_a_batch_fails_the_run_and_gives_the_rest_back()
    {
        using var stage = new ProcessingStage(options => options.Recovery.Batches.MaxSkipped = 2);
        var handling = new BatchHandling { Bad = { 10, 20, 30, 40 } };

        BatchResult result = await Process(stage, Thousand, handling, BatchEffect.Atomic);

        Assert.Equal((2, NextActionKind.FailRun), (result.CountOf(Disposition.Quarantined), result.Next.Kind));
        Assert.Equal(Enumerable.Range(30, 970), Thousand.Where(number => !result[number].IsSettled));
        Assert.Contains("MaxSkipped 2", result[30].Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_calls_of_an_isolation_are_spent_the_rest_ends_as_one()
    {
        using var stage = new ProcessingStage(options => options.Recovery.Batches.MaxIsolationCalls = 5);
        var handling = new BatchHandling { Bad = { 700 } };

        BatchResult result = await Process(stage, Thousand, handling, BatchEffect.Atomic);

        Assert.Equal(5, handling.Calls.Count);
        Assert.Equal(1_000 - handling.Done.Count, result.CountOf(Disposition.Quarantined));
        Assert.Equal(result.CountOf(Disposition.Quarantined), stage.Store.Kept.Count);
    }

    [Fact]
    public async Task A_cancelled_isolation_gives_back_what_is_not_settled()
    {
        using var stage = new ProcessingStage();
        using var caller = new CancellationTokenSource();
        var handling = new BatchHandling { Bad = { 900 } };

        BatchResult result = await stage.Stage.ProcessBatchAsync(
            Thousand,
            (records, token) =>
            {
                if (handling.Done.Count >= 500)
                    caller.Cancel();

                token.ThrowIfCancellationRequested();
                return handling.Handle(records, token);
            },
            BatchEffect.Atomic,
            caller.Token).InTime();

        Assert.Equal(handling.Done.Count, result.CountOf(Disposition.Succeeded));
        Assert.Equal(1_000 - handling.Done.Count, result.CountOf(Disposition.Returned));
        Assert.Equal(NextActionKind.Requeue, result.Next.Kind);
    }

    [Fact]
    public async Task What_cannot_be_kept_of_a_batch_is_given_back_and_what_succeeded_stays_so()
    {
        using var stage = new ProcessingStage(options => options.Recovery.StoreTimeout = TimeSpan.Zero);
        stage.Store.Break("full");
        var handling = new BatchHandling { Bad = { 5 } };

        BatchResult result = await Process(stage, [.. Enumerable.Range(0, 10)], handling, BatchEffect.Atomic);

        Assert.Equal((9, 1, false), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.Returned), result.IsSettled));
        Assert.Equal(("5 is bad", "full"), (result[5].Error!.Message, result[5].StoreError!.Message));
    }

    [Fact]
    public async Task A_record_keeps_its_idempotency_key_however_its_batch_is_split()
    {
        using var stage = new ProcessingStage();
        var keys = new Dictionary<int, HashSet<string>>();

        await stage.Stage.ProcessBatchAsync(
            Thousand,
            static (records, keys, attempt, _) =>
            {
                for (int i = 0; i < records.Count; i++)
                {
                    if (!keys.TryGetValue(records[i], out HashSet<string>? known))
                        keys.Add(records[i], known = []);
                    known.Add(attempt.IdempotencyKey(i));
                }

                return records.Contains(321) ? throw new FormatException() : default(ValueTask);
            },
            keys,
            BatchEffect.Idempotent,
            ProcessingStage.Token).InTime();

        Assert.All(keys.Values, keysOfOne => Assert.Single(keysOfOne));
        Assert.Equal(1_000, keys.Values.SelectMany(key => key).Distinct().Count());
    }

    [Fact]
    public void Whichever_records_are_bad_each_ends_once_and_every_good_one_is_processed_once_in_order()
    {
        Prop.ForAll(
            Gen.Choose(0, 12).ArrayOf().Where(layout => layout.Length is > 0 and < 200).ToArbitrary(),
            layout =>
            {
                using var stage = new ProcessingStage();
                var handling = new BatchHandling();
                handling.Bad.UnionWith(Enumerable.Range(0, layout.Length).Where(index => layout[index] == 0));
                int[] records = [.. Enumerable.Range(0, layout.Length)];

                BatchResult result = Process(stage, records, handling, BatchEffect.Atomic).GetAwaiter().GetResult();

                Assert.Equal(handling.Done, records.Where(record => result[record].IsSuccess));
                Assert.Equal(handling.Done.Order(), handling.Done);
                Assert.DoesNotContain(handling.Done, handling.Bad.Contains);
                Assert.Equal(records.Length, result.CountOf(Disposition.Succeeded) + result.CountOf(Disposition.Quarantined) + result.CountOf(Disposition.Returned));
                Assert.Equal(result.CountOf(Disposition.Quarantined), stage.Store.Kept.Count);
                Assert.True(handling.Calls.Count <= 2 * records.Length + 2);
                Assert.Equal(0, stage.Stage.Accounting.InFlight);
            }).QuickCheckThrowOnFailure();
    }

    private static Task<BatchResult> Process(ProcessingStage stage, int[] records, BatchHandling handling, BatchEffect effect) =>
        stage.Stage.ProcessBatchAsync(records, handling.Handle, effect, ProcessingStage.Token).InTime();
}
