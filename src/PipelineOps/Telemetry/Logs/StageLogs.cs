using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>What one stage writes to its log.</summary>
internal sealed class StageLogs(string pipeline, string stage, ILogger logger)
{
    /// <summary>Whether a planned retry is written; asked before what it needs is looked up, for a retry is part of a call's latency.</summary>
    public bool WantsRetries => logger.IsEnabled(LogLevel.Information);

    public void Retry(int attempt, in AttemptFailure failure, TimeSpan delay)
    {
        if (WantsRetries)
            StageLog.Retry(logger, pipeline, stage, attempt, failure.Classification.Category, failure.ErrorType, delay, failure.Error);
    }

    public void RetriesExhausted(int attempts, in AttemptFailure failure, string reason)
    {
        ErrorClassification classification = failure.Classification;
        LogLevel level = LevelOf(classification.Severity);
        if (logger.IsEnabled(level))
            StageLog.RetriesExhausted(logger, level, pipeline, stage, attempts, classification.Category, failure.ErrorType, reason, failure.Error);
    }

    public void CircuitChanged(CircuitTransition transition) => StageLog.CircuitChanged(
        logger,
        transition.To is CircuitState.Open or CircuitState.Isolated ? LogLevel.Warning : LogLevel.Information,
        pipeline,
        stage,
        transition.From,
        transition.To,
        transition.Reason,
        transition.BreakDuration);

    public void CallbackFailed(string callback, Exception exception) => StageLog.CallbackFailed(logger, pipeline, stage, callback, exception);

    public void RecordKept(
        string? recordKey, string? sourcePosition, string disposition, string reason, ErrorCategory category, ErrorSeverity severity, Guid failureId, string fingerprint, Exception? error)
    {
        LogLevel level = LevelOf(severity);
        if (logger.IsEnabled(level))
            StageLog.RecordKept(logger, level, pipeline, stage, recordKey, sourcePosition, disposition, reason, category, failureId, fingerprint, error);
    }

    public void StoreFailed(Exception exception) => StageLog.StoreFailed(logger, pipeline, stage, exception);

    public void StoreRecovered() => StageLog.StoreRecovered(logger, pipeline, stage);

    public void SkipLimitCrossed(string crossed) => StageLog.SkipLimitCrossed(logger, pipeline, stage, crossed);

    public void NotificationsDropped(string notifier, long dropped) => StageLog.NotificationsDropped(logger, pipeline, stage, notifier, dropped);

    /// <summary>Begins a scope around what a handler logs.</summary>
    public IDisposable? BeginScope(string? recordKey, string? run) => logger.BeginScope($"{pipeline}/{stage} {recordKey} {run}");

    private static LogLevel LevelOf(ErrorSeverity severity) => severity switch
    {
        ErrorSeverity.Low => LogLevel.Information,
        ErrorSeverity.Medium => LogLevel.Warning,
        ErrorSeverity.High => LogLevel.Error,
        _ => LogLevel.Critical,
    };
}
