using PipelineOps.Tests.Recovery.Strategies;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Processing;

public sealed class RecordProcessingTests
{
    [Theory]
    [InlineData(typeof(FormatException), Disposition.Quarantined, DispositionReason.Poison, NextActionKind.Continue)]
    [InlineData(typeof(NullReferenceException), Disposition.DeadLettered, DispositionReason.Poison, NextActionKind.Continue)]
    [InlineData(typeof(IOException), Disposition.DeadLettered, DispositionReason.Exhausted, NextActionKind.Continue)]
    [InlineData(typeof(InvalidTimeZoneException), Disposition.DeadLettered, DispositionReason.Exhausted, NextActionKind.Continue)]
    [InlineData(typeof(OutOfMemoryException), Disposition.DeadLettered, DispositionReason.Exhausted, NextActionKind.Continue)]
    [InlineData(typeof(UnauthorizedAccessException), Disposition.Returned, DispositionReason.Systemic, NextActionKind.FailRun)]
    public async Task Each_kind_of_failure_has_its_disposition_and_next_action(Type error, Disposition disposition, DispositionReason reason, NextActionKind next)
    {
        using var stage = new ProcessingStage();

        RecordResult result = await stage.Fail((Exception)Activator.CreateInstance(error)!);

        Assert.Equal((disposition, reason, next), (result.Disposition, result.Reason, result.Next.Kind));
        Assert.IsType(error, result.Error);
        Assert.Equal(disposition != Disposition.Returned, result.IsSettled);
        Assert.Equal(result.IsSettled ? 1 : 0, stage.Store.Kept.Count);
    }

    [Fact]
    public async Task A_broken_business_rule_parks_the_record()
    {
        using var stage = new ProcessingStage(options => options.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<IOException>(ErrorCategory.BusinessRule)));

        RecordResult result = await stage.Fail(new IOException("over the limit"));

        Assert.Equal((Disposition.Parked, NextActionKind.Park, 1L), (result.Disposition, result.Next.Kind, stage.Stage.Accounting.Parked));
    }

    [Fact]
    public async Task What_is_kept_tells_of_every_attempt()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.Retry.MaxRetries = 2;
            options.Retry.Backoff = Backoff.Constant(TimeSpan.FromSeconds(3), Jitter.None);
        });
        Task<RecordResult> pending = stage.Fail(new TimeoutException());
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromSeconds(3));
        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromSeconds(3));

        RecordResult result = await pending;

        FailureRecord kept = Assert.Single(stage.Store.Kept);
        Assert.Same(kept, result.Failure);
        Assert.Equal(3, result.Attempts);
        Assert.Equal([1, 2, 3], kept.Attempts.Select(attempt => attempt.Number));
        Assert.Equal([0.0, 3.0, 3.0], kept.Attempts.Select(attempt => attempt.Delay.TotalSeconds));
        Assert.All(kept.Attempts, attempt => Assert.Equal(("System.TimeoutException", 1), (attempt.ErrorType, attempt.BatchSize)));
        Assert.Equal((kept.Attempts[0].Time, kept.Attempts[2].Time), (kept.FirstFailedAt, kept.LastFailedAt));
        Assert.Equal(TimeSpan.FromSeconds(6), kept.LastFailedAt - kept.FirstFailedAt);
    }

    [Fact]
    public async Task A_record_that_succeeds_after_a_retry_leaves_nothing_behind()
    {
        using var stage = new ProcessingStage();
        int calls = 0;

        RecordResult result = await stage.Process("record", (_, _) => ++calls == 1 ? throw new IOException() : default);

        Assert.Equal((Disposition.Succeeded, 2, NextActionKind.Continue), (result.Disposition, result.Attempts, result.Next.Kind));
        Assert.Null(result.Error);
        Assert.Null(result.Reason);
        Assert.Empty(stage.Store.Kept);
    }

    [Fact]
    public async Task A_record_cancelled_by_its_caller_is_given_back()
    {
        using var stage = new ProcessingStage();
        using var caller = new CancellationTokenSource();
        Task<RecordResult> pending = stage.Process("record", async (_, token) => await TestStage.Hang(token), caller.Token);
        Assert.Equal(1, stage.Stage.Accounting.InFlight);

        await caller.CancelAsync();

        RecordResult result = await pending;
        Assert.Equal((Disposition.Returned, NextActionKind.Requeue), (result.Disposition, result.Next.Kind));
        Assert.Equal((0L, 0L, 1L), (stage.Stage.Accounting.Read, stage.Stage.Accounting.InFlight, stage.Stage.Accounting.Returned));
        Assert.Empty(stage.Store.Kept);
    }

    [Fact]
    public async Task A_record_that_an_open_circuit_refuses_is_given_back_with_the_time_to_come_again()
    {
        using var stage = new ProcessingStage(TestStage.OpensAtOnce);
        stage.Stage.Circuit!.Isolate();
        RecordResult isolated = await stage.Process("record", (_, _) => default);
        stage.Stage.Circuit.Reset();
        await stage.Fail(new IOException());

        RecordResult open = await stage.Process("record", (_, _) => default);

        Assert.Equal((Disposition.Returned, NextActionKind.OpenCircuit, null), (isolated.Disposition, isolated.Next.Kind, isolated.Next.At));
        Assert.Equal((Disposition.Returned, NextActionKind.OpenCircuit, stage.Time.GetUtcNow() + TimeSpan.FromSeconds(5)), (open.Disposition, open.Next.Kind, open.Next.At));
        Assert.Equal(0, open.Attempts);
    }

    [Fact]
    public async Task A_record_that_waits_for_an_open_circuit_in_vain_is_given_back_as_its_handler_was_never_asked()
    {
        using var stage = new ProcessingStage(options =>
        {
            TestStage.OpensAtOnce(options);
            options.CircuitBreaker.BreakDuration = TimeSpan.FromMinutes(1);
            options.CircuitBreaker.MaxProbes = 1;
            options.WaitWhileCircuitOpen = true;
            options.TotalTimeout = TimeSpan.FromSeconds(2);
            options.Retry.MaxRetries = 0;
        });
        stage.Stage.Circuit!.Isolate();
        Task<RecordResult> pending = stage.Process("record", (_, _) => throw new InvalidOperationException("It must not be called."));

        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromSeconds(2));

        RecordResult result = await pending;
        Assert.Equal((Disposition.Returned, NextActionKind.OpenCircuit, 0), (result.Disposition, result.Next.Kind, result.Attempts));
        Assert.Empty(stage.Store.Kept);
    }

    [Fact]
    public async Task A_record_whose_failure_opens_the_circuit_is_kept_as_a_victim()
    {
        using var stage = new ProcessingStage(TestStage.OpensAtOnce);

        RecordResult result = await stage.Fail(new IOException());

        Assert.Equal((Disposition.DeadLettered, DispositionReason.Systemic), (result.Disposition, result.Reason));
    }

    [Fact]
    public async Task A_record_whose_total_timeout_passes_is_expired()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.Retry.MaxRetries = 0;
            options.TotalTimeout = TimeSpan.FromSeconds(1);
        });
        Task<RecordResult> pending = stage.Process("record", async (_, token) => await TestStage.Hang(token));

        await stage.Time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        Assert.Equal((Disposition.DeadLettered, DispositionReason.Expired), ((await pending).Disposition, (await pending).Reason));
    }

    [Fact]
    public async Task A_handler_can_leave_a_record_out()
    {
        using var stage = new ProcessingStage();

        RecordResult<RecordOutcome> result = await stage.Stage.ProcessAsync(
            7, static (number, _) => new ValueTask<RecordOutcome>(number > 5 ? RecordOutcome.Filtered : RecordOutcome.Succeeded), ProcessingStage.Token);

        Assert.Equal((Disposition.Filtered, true), (result.Disposition, result.IsSettled));
        Assert.Equal((1L, 1L, 0L), (stage.Stage.Accounting.Read, stage.Stage.Accounting.Filtered, stage.Stage.Accounting.Succeeded));
    }

    [Fact]
    public async Task A_handler_can_make_something_of_a_record()
    {
        using var stage = new ProcessingStage();

        RecordResult<int> plain = await stage.Stage.ProcessAsync("12", static (text, _) => new ValueTask<int>(int.Parse(text, null)), ProcessingStage.Token);
        RecordResult<int> withState = await stage.Stage.ProcessAsync("12", static (text, more, _) => new ValueTask<int>(int.Parse(text, null) + more), 1, ProcessingStage.Token);
        RecordResult<int> bad = await stage.Stage.ProcessAsync("x", static (text, _) => new ValueTask<int>(int.Parse(text, null)), ProcessingStage.Token);

        Assert.Equal((12, 13), (plain.Value, withState.Value));
        Assert.Equal((Disposition.Quarantined, 0), (bad.Disposition, bad.Value));
    }

    [Fact]
    public async Task A_result_that_a_rule_calls_a_failure_is_kept_without_an_exception()
    {
        using var stage = new ProcessingStage(options => options.AddResultRule<string>(static flaw => flaw.Length == 0 ? null : ErrorClassification.DataQuality));

        RecordResult<string> result = await stage.Stage.ProcessAsync("record", static (_, _) => new ValueTask<string>("no summary"), ProcessingStage.Token);

        Assert.Equal((Disposition.Quarantined, "no summary"), (result.Disposition, result.Value));
        FailureRecord kept = Assert.Single(stage.Store.Kept);
        Assert.Empty(kept.Exceptions);
        Assert.Equal("data_quality", Assert.Single(kept.Attempts).ErrorType);
    }

    [Fact]
    public async Task The_idempotency_key_stays_the_same_over_retries()
    {
        using var stage = new ProcessingStage();
        List<string> keys = [];

        await stage.Stage.ProcessAsync(
            "record",
            static (_, keys, attempt, _) =>
            {
                keys.Add(attempt.IdempotencyKey);
                return attempt.Number < 3 ? throw new IOException() : default(ValueTask);
            },
            keys,
            ProcessingStage.Token);

        Assert.Equal(3, keys.Count);
        Assert.Single(keys.Distinct());
    }

    [Fact]
    public async Task The_run_that_a_failure_belongs_to_is_the_innermost_entered()
    {
        using var stage = new ProcessingStage();
        using (new PipelineRun("outer").Enter())
        {
            using (new PipelineRun("inner").Enter())
                await stage.Fail(new FormatException());

            await stage.Fail(new FormatException());
        }

        await stage.Fail(new FormatException());

        Assert.Equal(["inner", "outer", null], stage.Store.Kept.Select(kept => kept.Run));
    }

    [Fact]
    public async Task A_disposed_stage_refuses_records_and_still_tells_what_became_of_the_others()
    {
        var stage = new ProcessingStage();
        await stage.Process("record", (_, _) => default);

        stage.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => stage.Process("record", (_, _) => default));
        Assert.Equal(1, stage.Stage.Accounting.Succeeded);
    }

    [Fact]
    public async Task Without_a_store_failures_are_kept_in_the_folder_that_the_options_name_and_stages_share_it()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");
        try
        {
            using (PipelineStage first = PipelineStage.Create("orders", "first", new StageOptions { Recovery = { FailureFolder = folder } }))
            using (PipelineStage second = PipelineStage.Create("orders", "second", new StageOptions { Recovery = { FailureFolder = folder } }))
            {
                await first.ProcessAsync("a", static (_, _) => throw new FormatException(), ProcessingStage.Token);
                await second.ProcessAsync("b", static (_, _) => throw new FormatException(), ProcessingStage.Token);
                Assert.Same(first.FailureStore, second.FailureStore);
            }

            await using var store = FileFailureStore.Open(folder);
            Assert.Equal(2, (await store.GroupAsync(FailureFilter.All, ProcessingStage.Token)).Sum(group => group.Count));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_record_that_is_filtered_when_a_recovery_tries_it_again_ends_as_filtered()
    {
        using var stage = new ProcessingStage(options => options.Recovery.Use(
            RecoveryStrategy.Quarantine,
            new TestRecovery(static async (context, token) =>
                await context.TryAgainAsync("better", token) ? RecoveryOutcome.Recovered : RecoveryOutcome.Escalate)));

        RecordResult result = await stage.Stage.ProcessAsync(
            "bad",
            static (record, _) => record == "bad" ? throw new FormatException() : new ValueTask<RecordOutcome>(RecordOutcome.Filtered),
            ProcessingStage.Token).InTime();

        Assert.Equal((Disposition.Filtered, 2), (result.Disposition, result.Attempts));
        Assert.Equal((0L, 1L), (stage.Stage.Accounting.Succeeded, stage.Stage.Accounting.Filtered));
    }

    [Fact]
    public async Task A_record_that_is_null_can_be_tried_again()
    {
        using var stage = new ProcessingStage(options => options.Recovery.Use(
            RecoveryStrategy.Quarantine,
            new TestRecovery(static async (context, token) =>
                await context.TryAgainAsync(context.Record, token) ? RecoveryOutcome.Recovered : RecoveryOutcome.Escalate)));
        int calls = 0;

        RecordResult result = await stage.Stage.ProcessAsync(
            (string?)null, (_, _) => ++calls == 1 ? throw new FormatException() : default(ValueTask), ProcessingStage.Token).InTime();

        Assert.Equal((2, Disposition.Succeeded), (calls, result.Disposition));
    }

    [Fact]
    public async Task Stages_share_a_folder_that_one_of_them_names_with_a_separator_at_its_end()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");
        try
        {
            using PipelineStage first = PipelineStage.Create("orders", "first", new StageOptions { Recovery = { FailureFolder = folder } });
            using PipelineStage second = PipelineStage.Create(
                "orders", "second", new StageOptions { Recovery = { FailureFolder = folder + Path.DirectorySeparatorChar, StoreTimeout = TimeSpan.Zero } });

            await first.ProcessAsync("a", static (_, _) => throw new FormatException(), ProcessingStage.Token);
            RecordResult result = await second.ProcessAsync("b", static (_, _) => throw new FormatException(), ProcessingStage.Token);

            Assert.Equal((Disposition.Quarantined, null), (result.Disposition, result.StoreError));
            Assert.Same(first.FailureStore, second.FailureStore);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_record_that_the_stage_refuses_when_a_recovery_tries_it_again_keeps_its_own_error()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.CircuitBreaker.Enabled = true;
            options.Recovery.Use(
                RecoveryStrategy.Quarantine,
                new TestRecovery(static async (context, token) => await context.TryAgainAsync(context.Record, token)
                    ? RecoveryOutcome.Recovered
                    : RecoveryOutcome.Keep(Disposition.Quarantined, context.Reason, NextAction.Continue)));
        });

        RecordResult result = await stage.Process("record", (_, _) =>
        {
            stage.Stage.Circuit!.Isolate();
            throw new FormatException("bad");
        });

        Assert.Equal((Disposition.Quarantined, "bad", ErrorCategory.DataQuality), (result.Disposition, result.Error!.Message, result.Failure!.Category));
        Assert.Equal((1, DispositionReason.Poison), (result.Attempts, result.Reason));
    }

    [Fact]
    public async Task A_record_that_fails_after_its_stage_was_reconfigured_does_not_leave_the_folder_open()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");
        try
        {
            var options = new StageOptions { Recovery = { FailureFolder = folder } };
            using (PipelineStage stage = PipelineStage.Create("orders", "load", options))
            {
                await stage.ProcessAsync(
                    "a",
                    (_, _) =>
                    {
                        stage.Reconfigure(options);
                        throw new FormatException();
                    },
                    ProcessingStage.Token);
            }

            await using var store = FileFailureStore.Open(folder);
            Assert.Equal(1, (await store.GroupAsync(FailureFilter.All, ProcessingStage.Token)).Sum(group => group.Count));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
