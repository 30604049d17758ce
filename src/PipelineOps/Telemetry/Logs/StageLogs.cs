using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PipelineOps;

/// <summary>
/// What one stage writes to its log: each line in a scope that says what it is about, each exception with one line only of all stages that
/// share the log, and of lines that are alike only the first in each
/// window.
/// </summary>
internal sealed class StageLogs
{
    private readonly string _pipeline;
    private readonly string _stage;
    private readonly ILogger _logger;
    private readonly TelemetryOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly LogDetails? _details;

    // Made by the first line.
    private LogRepetition? _repetition;

    public StageLogs(string pipeline, string stage, ILogger logger, TelemetryOptions options, TimeProvider timeProvider)
    {
        _pipeline = pipeline;
        _stage = stage;
        _logger = logger;
        _options = options;
        _timeProvider = timeProvider;
        _details = options.LogDetails ? new LogDetails(options.RedactDetail, CallbackFailed) : null;
        WantsScopes = options.LogScopes && logger is not NullLogger;
    }

    /// <summary>Tells where the record comes from that a call is for. Asked for lines that are written only, because it asks the user's code.</summary>
    public Func<object?, RecordOrigin>? OriginOf { get; set; }

    /// <summary>Whether a planned retry is written; asked before what it needs is looked up, for a retry is part of a call's latency.</summary>
    public bool WantsRetries => _logger.IsEnabled(LogLevel.Information);

    /// <summary>Whether what handlers log is to be in a scope; asked before what it needs is looked up.</summary>
    public bool WantsScopes { get; }

    /// <summary>Whether a record that is kept is written; asked before what it needs is looked up.</summary>
    public bool WantsKept(ErrorSeverity severity) => _logger.IsEnabled(LevelOf(severity));

    /// <summary>Opens a scope for what a handler logs; <see langword="null"/> if that is not asked for.</summary>
    public IDisposable? BeginScope(in CallSubject subject) =>
        WantsScopes ? _logger.BeginScope(ScopeOf(in subject)) : null;

    /// <summary>Writes how many lines were left out so far, without waiting for the window's end.</summary>
    public void Flush() => _repetition?.Flush();

    public void Retry(int attempt, in AttemptFailure failure, TimeSpan delay, in CallSubject subject)
    {
        if (!WantsRetries)
            return;

        string errorType = failure.ErrorType;
        if (!Repetition.Allows(nameof(StageLog.Retry), errorType, LogLevel.Information))
            return;

        Exception? error = Once(failure.Error);
        using IDisposable? scope = ScopeWithin(in subject);
        StageLog.Retry(_logger, _pipeline, _stage, attempt, failure.Classification.Category, errorType, delay, error);
    }

    public void RetriesExhausted(int attempts, in AttemptFailure failure, string reason, in CallSubject subject)
    {
        ErrorClassification classification = failure.Classification;
        LogLevel level = LevelOf(classification.Severity);
        if (!_logger.IsEnabled(level))
            return;

        string errorType = failure.ErrorType;
        if (!Repetition.Allows(nameof(StageLog.RetriesExhausted), errorType, level))
            return;

        Exception? error = Once(failure.Error);
        using IDisposable? scope = ScopeWithin(in subject);
        StageLog.RetriesExhausted(_logger, level, _pipeline, _stage, attempts, classification.Category, errorType, reason, error);
    }

    public void CircuitChanged(CircuitTransition transition)
    {
        LogLevel level = transition.To is CircuitState.Open or CircuitState.Isolated ? LogLevel.Warning : LogLevel.Information;
        if (!_logger.IsEnabled(level))
            return;

        object breakDuration = transition.BreakDuration is { } duration ? duration : "none";
        using IDisposable? scope = Scope();
        StageLog.CircuitChanged(_logger, level, _pipeline, _stage, transition.From, transition.To, transition.Reason, breakDuration);
    }

    public void CallbackFailed(string callback, Exception exception)
    {
        if (!_logger.IsEnabled(LogLevel.Error))
            return;

        string errorType = TypeOf(exception);
        if (!Repetition.Allows(nameof(StageLog.CallbackFailed), errorType, LogLevel.Error))
            return;

        Exception? error = Once(exception);
        using IDisposable? scope = Scope();
        StageLog.CallbackFailed(_logger, _pipeline, _stage, callback, errorType, error);
    }

    public void RecordKept(in KeptRecord kept)
    {
        LogLevel level = LevelOf(kept.Severity);
        if (!_logger.IsEnabled(level))
            return;

        string errorType = kept.Error is not null ? TypeOf(kept.Error) : kept.Category.ToTag();
        if (!Repetition.Allows(nameof(StageLog.RecordKept), errorType, level))
            return;

        // Before the scope: what they ask may fail, which is another line.
        List<KeyValuePair<string, object?>>? details = _details?.Of(in kept);
        Exception? error = Once(kept.Error);
        using IDisposable? scope = _logger.BeginScope(new LogScope(_pipeline, _stage, kept.Run, kept.RecordKey, details));
        StageLog.RecordKept(
            _logger,
            level,
            _pipeline,
            _stage,
            kept.RecordKey,
            kept.SourcePosition,
            kept.Disposition,
            kept.Reason,
            kept.Category,
            kept.FailureId,
            kept.Fingerprint,
            error);
    }

    public void StoreFailed(Exception exception)
    {
        if (!_logger.IsEnabled(LogLevel.Critical))
            return;

        string errorType = TypeOf(exception);
        if (!Repetition.Allows(nameof(StageLog.StoreFailed), errorType, LogLevel.Critical))
            return;

        Exception? error = Once(exception);
        using IDisposable? scope = Scope();
        StageLog.StoreFailed(_logger, _pipeline, _stage, errorType, error);
    }

    public void StoreRecovered()
    {
        if (!_logger.IsEnabled(LogLevel.Information))
            return;

        using IDisposable? scope = Scope();
        StageLog.StoreRecovered(_logger, _pipeline, _stage);
    }

    public void SkipLimitCrossed(string crossed)
    {
        if (!_logger.IsEnabled(LogLevel.Critical))
            return;

        using IDisposable? scope = Scope();
        StageLog.SkipLimitCrossed(_logger, _pipeline, _stage, crossed);
    }

    public void NotificationsDropped(string notifier, long dropped)
    {
        if (!_logger.IsEnabled(LogLevel.Warning))
            return;

        using IDisposable? scope = Scope();
        StageLog.NotificationsDropped(_logger, _pipeline, _stage, notifier, dropped);
    }

    // Of several runs and records, so its scope has neither. Not a method of the stage's log: a timer holds it, and must hold neither user code nor what that holds.
    private static Action<RepeatedLines> TellingRepetitions(string pipeline, string stage, ILogger logger) => lines =>
    {
        if (!logger.IsEnabled(lines.Level))
            return;

        using IDisposable? scope = logger.BeginScope(new LogScope(pipeline, stage));
        StageLog.Repeated(logger, lines.Level, pipeline, stage, lines.Count, lines.EventName, lines.ErrorType, lines.Time.TotalSeconds);
    };

    private IDisposable? Scope() => _logger.BeginScope(new LogScope(_pipeline, _stage, AmbientRun.Id));

    // Where what a handler logs is in a scope, the lines of its call are in it already.
    private IDisposable? ScopeWithin(in CallSubject subject) => WantsScopes ? null : _logger.BeginScope(ScopeOf(in subject));

    private LogScope ScopeOf(in CallSubject subject)
    {
        RecordOrigin origin = subject.IsBatch || OriginOf is null ? default : OriginOf(subject.Record);
        return new(_pipeline, _stage, origin.RunId ?? AmbientRun.Id, origin.Key);
    }

    // Asked only for a line that is written; its message names the error without the exception too.
    private Exception? Once(Exception? exception) => exception is not null && _logger is SafeLogger log && log.TryTake(exception) ? exception : null;

    private LogRepetition Repetition =>
        _repetition
        ?? Interlocked.CompareExchange(
            ref _repetition, new LogRepetition(_options.LogBurst, _options.LogWindow, _timeProvider, TellingRepetitions(_pipeline, _stage, _logger)), null)
        ?? _repetition!;

    private static string TypeOf(Exception exception) => exception.GetType().FullName ?? exception.GetType().Name;

    private static LogLevel LevelOf(ErrorSeverity severity) => severity switch
    {
        ErrorSeverity.Low => LogLevel.Information,
        ErrorSeverity.Medium => LogLevel.Warning,
        ErrorSeverity.High => LogLevel.Error,
        _ => LogLevel.Critical,
    };
}
