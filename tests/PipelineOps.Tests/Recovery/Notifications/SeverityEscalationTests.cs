namespace PipelineOps.Tests.Recovery.Notifications;

public sealed class SeverityEscalationTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly MemoryFailureStore _store;

    public SeverityEscalationTests() => _store = new MemoryFailureStore(_time);

    [Fact]
    public async Task A_failure_that_keeps_coming_goes_up_one_level_and_no_further()
    {
        using PipelineStage stage = Stage(3);

        Assert.Equal(
            [ErrorSeverity.Medium, ErrorSeverity.Medium, ErrorSeverity.High, ErrorSeverity.High, ErrorSeverity.High, ErrorSeverity.High, ErrorSeverity.High],
            await Severities(stage, 7));
    }

    [Fact]
    public async Task It_comes_down_again_when_the_window_holds_fewer()
    {
        using PipelineStage stage = Stage(3);
        await Severities(stage, 3);

        _time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal([ErrorSeverity.Medium, ErrorSeverity.Medium, ErrorSeverity.High], await Severities(stage, 3));
    }

    [Fact]
    public async Task Failures_that_come_too_seldom_stay_as_they_are()
    {
        using PipelineStage stage = Stage(3);
        List<ErrorSeverity> severities = [];

        for (int i = 0; i < 20; i++)
        {
            severities.AddRange(await Severities(stage, 1));
            _time.Advance(TimeSpan.FromMinutes(2.5));
        }

        Assert.All(severities, severity => Assert.Equal(ErrorSeverity.Medium, severity));
    }

    [Fact]
    public async Task Nothing_is_more_severe_than_critical()
    {
        using PipelineStage stage = Stage(2);

        for (int i = 0; i < 5; i++)
            Assert.Equal(ErrorSeverity.Critical, (await stage.FailAsync(ErrorClassification.DataQuality with { Severity = ErrorSeverity.Critical })).Failure!.Severity);
    }

    [Fact]
    public async Task Each_kind_of_failure_is_counted_apart_and_those_not_seen_for_longest_are_forgotten()
    {
        // Given two kinds one short of their escalation, the record being the fingerprint; the first one seen was seen last, too.
        using PipelineStage stage = Stage(3, options => options.Recovery.Use(RecoveryStrategy.Quarantine, new Strategies.TestRecovery((context, _) =>
        {
            context.Fingerprint = (string)context.Record!;
            return new(RecoveryOutcome.Keep(Disposition.Quarantined, DispositionReason.Poison, NextAction.Continue));
        })));
        foreach (string record in new[] { "kept", "early", "early", "kept" })
            await stage.FailAsync(ErrorClassification.DataQuality, record);

        // When so many others are seen that one must leave.
        for (int i = 0; i < 999; i++)
            Assert.Equal(ErrorSeverity.Medium, (await stage.FailAsync(ErrorClassification.DataQuality, $"other {i}")).Failure!.Severity);

        // Then it is the one that was not seen for longest.
        Assert.Equal(ErrorSeverity.High, (await stage.FailAsync(ErrorClassification.DataQuality, "kept")).Failure!.Severity);
        Assert.Equal(ErrorSeverity.Medium, (await stage.FailAsync(ErrorClassification.DataQuality, "early")).Failure!.Severity);
    }

    [Fact]
    public async Task Without_a_number_nothing_is_escalated()
    {
        using PipelineStage stage = Stage(null);

        Assert.All(await Severities(stage, 200), severity => Assert.Equal(ErrorSeverity.Medium, severity));
    }

    [Fact]
    public async Task Threads_that_fail_together_miss_none()
    {
        using PipelineStage stage = Stage(100);

        RecordResult[] results = await Task.WhenAll(Enumerable.Range(0, 120).Select(_ => Task.Run(
            () => stage.FailAsync(ErrorClassification.DataQuality), TestContext.Current.CancellationToken)));

        Assert.Equal(21, results.Count(result => result.Failure!.Severity == ErrorSeverity.High));
    }

    private static async Task<ErrorSeverity[]> Severities(PipelineStage stage, int count)
    {
        var severities = new ErrorSeverity[count];
        for (int i = 0; i < count; i++)
            severities[i] = (await stage.FailAsync(ErrorClassification.DataQuality)).Failure!.Severity;
        return severities;
    }

    private PipelineStage Stage(int? occurrences, Action<StageOptions>? configure = null) => RecordStage.Create(_time, _store, options =>
    {
        options.Recovery.Escalation.Occurrences = occurrences;
        configure?.Invoke(options);
    });
}
