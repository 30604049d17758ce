using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>Every log event of a stage and of a run. Ids and names are a promise: people filter by them.</summary>
internal static partial class StageLog
{
    [LoggerMessage(1, LogLevel.Information, "Stage {Pipeline}/{Stage}: attempt {Attempt} failed ({Category}, {ErrorType}); trying again in {Delay}.", EventName = "Retry")]
    public static partial void Retry(
        ILogger logger, string pipeline, string stage, int attempt, ErrorCategory category, string errorType, TimeSpan delay, Exception? exception);

    [LoggerMessage(EventId = 2, EventName = "RetriesExhausted", Message = "Stage {Pipeline}/{Stage}: gave up after {Attempts} attempts ({Category}, {ErrorType}): {Reason}.")]
    public static partial void RetriesExhausted(
        ILogger logger, LogLevel level, string pipeline, string stage, int attempts, ErrorCategory category, string errorType, string reason, Exception? exception);

    [LoggerMessage(EventId = 3, EventName = "CircuitChanged", Message = "Circuit of stage {Pipeline}/{Stage}: {From} -> {To} ({Reason}; break {BreakDuration}).")]
    public static partial void CircuitChanged(
        ILogger logger, LogLevel level, string pipeline, string stage, CircuitState from, CircuitState to, CircuitTransitionReason reason, object breakDuration);

    [LoggerMessage(4, LogLevel.Error, "Stage {Pipeline}/{Stage}: the {Callback} threw {ErrorType}; the call goes on without it.", EventName = "CallbackFailed")]
    public static partial void CallbackFailed(ILogger logger, string pipeline, string stage, string callback, string errorType, Exception? exception);

    [LoggerMessage(EventId = 5, EventName = "RecordKept", Message = "Stage {Pipeline}/{Stage}: record {RecordKey} at {SourcePosition} {Disposition} ({Reason}, {Category}) as failure {FailureId}, fingerprint {Fingerprint}.")]
    public static partial void RecordKept(
        ILogger logger,
        LogLevel level,
        string pipeline,
        string stage,
        string? recordKey,
        string? sourcePosition,
        string disposition,
        string reason,
        ErrorCategory category,
        Guid failureId,
        string fingerprint,
        Exception? exception);

    [LoggerMessage(6, LogLevel.Critical, "Stage {Pipeline}/{Stage}: the failure store failed ({ErrorType}); the stage stops until it works again.", EventName = "StoreFailed")]
    public static partial void StoreFailed(ILogger logger, string pipeline, string stage, string errorType, Exception? exception);

    [LoggerMessage(7, LogLevel.Information, "Stage {Pipeline}/{Stage}: the failure store works again.", EventName = "StoreRecovered")]
    public static partial void StoreRecovered(ILogger logger, string pipeline, string stage);

    [LoggerMessage(8, LogLevel.Critical, "Stage {Pipeline}/{Stage}: the run fails: {Crossed}.", EventName = "SkipLimitCrossed")]
    public static partial void SkipLimitCrossed(ILogger logger, string pipeline, string stage, string crossed);

    [LoggerMessage(9, LogLevel.Warning, "Stage {Pipeline}/{Stage}: {Dropped} notifications for {Notifier} were left out, because its queue was full or the stage was disposed.", EventName = "NotificationsDropped")]
    public static partial void NotificationsDropped(ILogger logger, string pipeline, string stage, string notifier, long dropped);

    [LoggerMessage(EventId = 10, EventName = "Repeated", Message = "Stage {Pipeline}/{Stage}: …and {Suppressed:N0} more {EventName} ({ErrorType}) like it in {Seconds:0.###} s.")]
    public static partial void Repeated(
        ILogger logger, LogLevel level, string pipeline, string stage, long suppressed, string eventName, string errorType, double seconds);

    [LoggerMessage(EventId = 11, EventName = "RunEnded", Message = "Run {Run} of pipeline {Pipeline}: {Status} after {Duration}; read {Read}, processed {Processed}, failed {Failed}, {Bytes} bytes; processor time {ProcessorTime}, allocated {AllocatedBytes} bytes.")]
    public static partial void RunEnded(
        ILogger logger,
        LogLevel level,
        string run,
        string pipeline,
        RunStatus status,
        TimeSpan duration,
        long read,
        long processed,
        long failed,
        long bytes,
        TimeSpan? processorTime,
        long allocatedBytes,
        Exception? exception);
}
