using static System.FormattableString;

namespace PipelineOps.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void An_exception_for_invalid_options_lists_every_one()
    {
        var exception = new InvalidOptionsException(["a is 1", "b is 2"]);

        Assert.Equal(["a is 1", "b is 2"], exception.Failures);
        Assert.Contains("a is 1", exception.Message, StringComparison.Ordinal);
        Assert.Contains("b is 2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_engine_page_names_the_defaults_that_the_options_have()
    {
        var stage = new StageOptions();
        CircuitBreakerOptions circuit = stage.CircuitBreaker;
        Assert.Null(circuit.SlowCallRatio);
        Assert.Null(circuit.ConsecutiveFailures);
        Assert.Null(circuit.ProbeFailureRatio);
        Assert.Null(stage.Retry.Budget);
        Assert.Null(stage.Retry.StandardBackoff);
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "engine.md"));

        string[] rows =
        [
            Invariant($"| `Retry.MaxRetries` | {stage.Retry.MaxRetries} |"),
            "| `Retry.StandardBackoff` | as `Backoff` |",
            "| `Retry.Budget` | none |",
            $"| `Enabled` | {(circuit.Enabled ? "true" : "false")} |",
            Invariant($"| `FailureRatio`, `MinimumThroughput` | {circuit.FailureRatio}, {circuit.MinimumThroughput} |"),
            Invariant($"| `SlowCallRatio`, `SlowCallDuration` | off, {circuit.SlowCallDuration.TotalMinutes} min |"),
            "| `ConsecutiveFailures` | off |",
            Invariant($"| `Window`, `WindowDuration`, `WindowSize` | {(circuit.Window == CircuitWindowKind.Time ? "time" : "count")}, {circuit.WindowDuration.TotalSeconds} s, {circuit.WindowSize} |"),
            Invariant($"| {circuit.BreakDuration.TotalSeconds} s, {circuit.BreakGrowth}, {circuit.MaxBreakDuration.TotalMinutes} min, {circuit.BreakJitter} |"),
            Invariant($"| {circuit.MaxProbes}, {circuit.ProbeSuccessesToClose}, {circuit.ProbeFailuresToReopen} |"),
            Invariant($"| `ProbeFailureRatio`, `ProbeSampleSize` | off, {circuit.ProbeSampleSize} |"),
            Invariant($"| `ProbeLease` | {circuit.ProbeLease.TotalSeconds} s |"),
            $"| `StageOptions.WaitWhileCircuitOpen` | {(stage.WaitWhileCircuitOpen ? "true" : "false")} |",
            Invariant($"`Concurrency.MaxConcurrent` and `.MaxQueued` ({stage.Concurrency.MaxQueued})"),
        ];

        Assert.All(rows, row => Assert.Contains(row, page, StringComparison.Ordinal));
    }

    [Fact]
    public void The_page_on_records_names_the_defaults_that_the_options_have()
    {
        var recovery = new RecoveryOptions();
        SkipLimits limits = recovery.SkipLimits;
        Assert.Equal((null, null, null, null), (limits.MaxPerRun, limits.MaxRatioPerRun, limits.MaxPerWindow, limits.MaxRatioPerWindow));
        Assert.Null(recovery.FailureStore);
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "records.md"));

        string[] rows =
        [
            $"| `FailureStore`, `FailureFolder` | the container's, `{recovery.FailureFolder}` |",
            Invariant($"| `StoreTimeout` | {recovery.StoreTimeout.TotalSeconds} s |"),
            Invariant($"| `Payload.Enabled`, `.MaxBytes` | {(recovery.Payload.Enabled ? "true" : "false")}, {recovery.Payload.MaxBytes} |"),
            "| `SkipLimits.MaxPerRun`, `.MaxRatioPerRun` | none, none |",
            Invariant($"| `SkipLimits.MaxPerWindow`, `.MaxRatioPerWindow`, `.Window` | none, none, {limits.Window.TotalMinutes} min |"),
            Invariant($"| `SkipLimits.MinimumRecords` | {limits.MinimumRecords} |"),
            Invariant($"| `Escalation.Occurrences`, `.Window` | {recovery.Escalation.Occurrences}, {recovery.Escalation.Window.TotalMinutes} min |"),
            Invariant($"| `Batches.MaxIsolationCalls`, `.Witnesses`, `.CeilingDuration` | {recovery.Batches.MaxIsolationCalls}, {recovery.Batches.Witnesses}, {recovery.Batches.CeilingDuration.TotalMinutes} min |"),
            Invariant($"from `{new NotificationOptions().MinimumSeverity}` on, {new NotificationOptions().QueueCapacity} may wait"),
        ];

        Assert.All(rows, row => Assert.Contains(row, page, StringComparison.Ordinal));
    }
}
