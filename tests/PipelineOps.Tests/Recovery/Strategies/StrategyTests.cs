namespace PipelineOps.Tests.Recovery.Strategies;

public sealed class StrategyTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly MemoryFailureStore _store;

    public StrategyTests() => _store = new MemoryFailureStore(_time);

    public static TheoryData<RecoveryStrategy> Replaceable => [.. Enum.GetValues<RecoveryStrategy>().Where(strategy => strategy != RecoveryStrategy.Propagate)];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Replaceable))]
    public async Task A_record_whose_replaced_recovery_throws_is_dead_lettered_with_both_errors(RecoveryStrategy strategy)
    {
        using PipelineStage stage = Stage(strategy, new TestRecovery((_, _) => throw new InvalidOperationException("recovery is broken")));

        RecordResult result = await stage.FailAsync(Only(strategy));

        Assert.Equal((Disposition.DeadLettered, NextActionKind.Continue), (result.Disposition, result.Next.Kind));
        Assert.IsType<ClassifiedException>(result.Error);
        FailureRecord kept = Assert.Single(_store.All).Record;
        Assert.Equal("as asked", kept.Exceptions[0].Message);
        Assert.Contains(kept.Exceptions, cause => cause.Message == "recovery is broken");
    }

    [Theory]
    [MemberData(nameof(Replaceable))]
    public async Task A_replaced_recovery_decides_instead_of_the_default(RecoveryStrategy strategy)
    {
        RecoveryStrategy? asked = null;
        DateTimeOffset later = _time.GetUtcNow().AddHours(1);
        using PipelineStage stage = Stage(strategy, new TestRecovery((context, _) =>
        {
            asked = context.Strategy;
            return new(RecoveryOutcome.Return(DispositionReason.Systemic, NextAction.RetryAt(later)));
        }));

        RecordResult result = await stage.FailAsync(Only(strategy));

        Assert.Equal(strategy, asked);
        Assert.Equal((Disposition.Returned, NextAction.RetryAt(later)), (result.Disposition, result.Next));
        Assert.Empty(_store.All);
    }

    [Theory]
    [InlineData(RecoveryStrategy.Quarantine, Disposition.Quarantined, NextActionKind.Continue)]
    [InlineData(RecoveryStrategy.DeadLetter, Disposition.DeadLettered, NextActionKind.Continue)]
    [InlineData(RecoveryStrategy.ManualIntervention, Disposition.Parked, NextActionKind.Park)]
    public async Task A_strategy_sets_the_record_aside(RecoveryStrategy strategy, Disposition disposition, NextActionKind next)
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);

        RecordResult result = await stage.FailAsync(Only(strategy));

        Assert.Equal((disposition, next), (result.Disposition, result.Next.Kind));
        Assert.Equal((disposition, strategy), (_store.All.Single().Record.Disposition, _store.All.Single().Record.Strategy));
    }

    [Theory]
    [InlineData(RecoveryStrategy.RetryWithBackoff)]
    [InlineData(RecoveryStrategy.StandardRetry)]
    [InlineData(RecoveryStrategy.ReduceBatch)]
    [InlineData(RecoveryStrategy.EvolveSchema)]
    public async Task A_strategy_that_has_done_what_it_can_leaves_the_record_to_the_next(RecoveryStrategy strategy)
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);

        RecordResult parked = await stage.FailAsync(Only(strategy) with { ThenStrategy = RecoveryStrategy.ManualIntervention });
        RecordResult deadLettered = await stage.FailAsync(Only(strategy));

        Assert.Equal(Disposition.Parked, parked.Disposition);

        // With nothing to follow a dead letter is what is left: the record must end somewhere.
        Assert.Equal(Disposition.DeadLettered, deadLettered.Disposition);
    }

    [Theory]
    [InlineData(ErrorCategory.Transient, Disposition.DeadLettered, DispositionReason.Exhausted)]
    [InlineData(ErrorCategory.Throttled, Disposition.DeadLettered, DispositionReason.Exhausted)]
    [InlineData(ErrorCategory.Resource, Disposition.DeadLettered, DispositionReason.Exhausted)]
    [InlineData(ErrorCategory.Unknown, Disposition.DeadLettered, DispositionReason.Exhausted)]
    [InlineData(ErrorCategory.Defect, Disposition.DeadLettered, DispositionReason.Poison)]
    [InlineData(ErrorCategory.DataQuality, Disposition.Quarantined, DispositionReason.Poison)]
    [InlineData(ErrorCategory.Schema, Disposition.Quarantined, DispositionReason.Poison)]
    [InlineData(ErrorCategory.BusinessRule, Disposition.Parked, DispositionReason.Manual)]
    public async Task Each_category_ends_where_its_strategies_lead(ErrorCategory category, Disposition disposition, DispositionReason reason)
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);

        RecordResult result = await stage.FailAsync(ErrorClassification.For(category));

        Assert.Equal((disposition, reason), (result.Disposition, result.Reason));
        Assert.Equal((disposition, reason), (_store.All.Single().Record.Disposition, _store.All.Single().Record.Reason));
    }

    [Fact]
    public async Task A_permanent_failure_fails_the_run_and_gives_the_record_back()
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);

        RecordResult result = await stage.FailAsync(ErrorClassification.Permanent);

        Assert.Equal((Disposition.Returned, NextActionKind.FailRun), (result.Disposition, result.Next.Kind));
        Assert.Empty(_store.All);
    }

    [Fact]
    public async Task A_record_that_is_too_large_alone_is_quarantined_as_oversized_when_its_batch_is_reduced_to_it()
    {
        using PipelineStage stage = RecordStage.Create(_time, _store);
        List<int> processed = [];

        BatchResult result = await stage.ProcessBatchAsync(
            [1, 2, 99, 4],
            (records, _) =>
            {
                if (records.Contains(99))
                    throw new ClassifiedException(ErrorClassification.Resource);

                processed.AddRange(records);
                return default;
            },
            BatchEffect.Idempotent,
            Token).InTime();

        Assert.Equal([1, 2, 4], processed);
        Assert.Equal((3, 1), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.Quarantined)));
        Assert.Equal(DispositionReason.Oversized, _store.All.Single().Record.Reason);
    }

    [Fact]
    public void Only_strategies_that_have_a_recovery_can_be_replaced()
    {
        var recovery = new TestRecovery(RecoveryOutcome.Escalate);

        var exception = Assert.Throws<InvalidOptionsException>(() => RecordStage.Create(_time, _store, options =>
            options.Recovery.Use(RecoveryStrategy.Propagate, recovery).Use((RecoveryStrategy)99, recovery)));

        Assert.Equal(2, exception.Failures.Count);
        Assert.All(exception.Failures, failure => Assert.StartsWith("Recovery.Use", failure, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stage_keeps_the_recoveries_that_it_was_built_with()
    {
        var options = new RecoveryOptions();
        using PipelineStage stage = RecordStage.Create(_time, _store, stageOptions =>
        {
            options.FailureStore = _store;
            stageOptions.Recovery = options;
        });

        options.Use(RecoveryStrategy.Quarantine, new TestRecovery(RecoveryOutcome.Recovered));

        Assert.Equal(Disposition.Quarantined, (await stage.FailAsync(Only(RecoveryStrategy.Quarantine))).Disposition);
    }

    [Fact]
    public async Task A_recovery_may_try_once_more_and_no_more()
    {
        int calls = 0;
        using PipelineStage stage = Stage(RecoveryStrategy.Quarantine, new TestRecovery(async (context, token) =>
        {
            Assert.False(await context.TryAgainAsync("other", token));
            await context.TryAgainAsync("other", token);
            return RecoveryOutcome.Recovered;
        }));

        RecordResult result = await stage.ProcessAsync(
            "record",
            (_, _) =>
            {
                calls++;
                throw new ClassifiedException(Only(RecoveryStrategy.Quarantine));
            },
            Token).InTime();

        Assert.Equal((2, Disposition.DeadLettered), (calls, result.Disposition));
        Assert.Contains(_store.All.Single().Record.Exceptions, cause => cause.Type == typeof(InvalidOperationException).FullName);
    }

    private static ErrorClassification Only(RecoveryStrategy strategy) => ErrorClassification.DataQuality with { Strategy = strategy, ThenStrategy = strategy };

    private PipelineStage Stage(RecoveryStrategy strategy, IRecovery recovery) =>
        RecordStage.Create(_time, _store, options => options.Recovery.Use(strategy, recovery));
}
