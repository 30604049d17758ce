using System.Diagnostics;

namespace PipelineOps;

/// <summary>Decides on records that failed, and keeps them. One for each stage and its options.</summary>
internal sealed class RecordRecovery : IDisposable
{
    // After a store's failure, the time until whoever reads the source should come again.
    private static readonly TimeSpan StoreRetry = TimeSpan.FromSeconds(5);

    private readonly StagePolicy _policy;
    private readonly IPayloadSerializer _serializer;
    private readonly SharedFailureStore? _shared;
    private readonly FailureComposer _composer;
    private readonly RecoverySet _recoveries;
    private readonly SeverityEscalation _escalation;
    private readonly NotificationQueue _notifications;

    public RecordRecovery(StagePolicy policy, RecoveryOptions options)
    {
        StageTelemetry telemetry = policy.Telemetry;
        _policy = policy;
        _serializer = options.Payload.Serializer;
        _composer = new FailureComposer(telemetry.Pipeline, telemetry.Stage, options.Payload, options.Descriptions, telemetry.Logs.CallbackFailed);
        _recoveries = new RecoverySet(options.Recoveries);
        _escalation = new SeverityEscalation(options.Escalation, policy.TimeProvider);
        _notifications = new NotificationQueue(options.Notifiers, telemetry.Logs.CallbackFailed, telemetry.Logs.NotificationsDropped);
        IFailureStore? store = options.FailureStore;
        _shared = store is null ? new SharedFailureStore(options.FailureFolder) : null;
        Store = new StoreGate(store is null ? _shared!.Open : () => store, _shared is null ? null : _shared.Release, options.StoreTimeout, policy);
    }

    public StoreGate Store { get; }

    public void Dispose()
    {
        _notifications.Dispose();
        _shared?.Dispose();
    }

    /// <summary>Reads the record of a failure.</summary>
    /// <exception cref="InvalidDataException">There is no whole payload.</exception>
    public T ReadPayload<T>(FailureRecord failure, bool allowRedacted) => failure.Payload switch
    {
        null => throw new InvalidDataException($"Failure {failure.Id} has no payload. Keep payloads (Recovery.Payload.Enabled) to redrive from the store."),
        { Error: { } error } => throw new InvalidDataException($"Failure {failure.Id} has no payload: {error}"),
        { IsTruncated: true } payload => throw new InvalidDataException(
            $"The payload of failure {failure.Id} was cut from {payload.OriginalLength} to {payload.Content.Length} bytes. Raise Recovery.Payload.MaxBytes for such records, and take this one from its source ({failure.SourcePosition ?? "its position is not known: let Recovery.Describe tell it"})."),
        { IsRedacted: true } when !allowRedacted => throw new InvalidDataException(
            $"Recovery.Payload.Redact has taken something out of the payload of failure {failure.Id}. Take the record from its source, or set RedriveOptions.AllowRedacted to process what is left."),
        { } payload => _serializer.Deserialize<T>(payload.Content),
    };

    /// <summary>Decides on a record whose call has failed, and keeps it if that is the decision; as the child of <paramref name="parent"/>, if that is being redriven.</summary>
    public async ValueTask<RecordResult<T>> RecoverAsync<TRecord, T, TCall>(
        TRecord record, TCall call, CallEnd<T> end, FailureRecord? parent, CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<TRecord, T>
    {
        if (Refusal(end, cancellationToken) is { } refusal)
            return new(end.Value, new RecordResult(Disposition.Returned, end.Attempts, refusal));

        var context = new RecordContext<TRecord, T, TCall>(_policy, call, record, end.Failure!, end.Attempts, batchSize: 1);
        RecoveryOutcome outcome = await DecideAsync(context, cancellationToken).ConfigureAwait(false);
        if (outcome.Disposition is Disposition.Succeeded)
            return new(context.Value, new RecordResult(RecordProcessor.DispositionOf(context.Value), context.TotalAttempts));

        RecordFailure failed = Describe(context, outcome);
        if (outcome.Disposition == Disposition.Returned)
            return new(end.Value, new RecordResult(Disposition.Returned, context.TotalAttempts, failed));

        FailureRecord kept = Compose(record, context, outcome, parent);
        if (await KeepAsync([(kept, context.Error)], context.Span, cancellationToken).ConfigureAwait(false) is { } storeError)
            return new(end.Value, new RecordResult(Disposition.Returned, context.TotalAttempts, Unkept(failed, storeError)));

        return new(end.Value, new RecordResult(kept.Disposition, context.TotalAttempts, failed with { Kept = kept }));
    }

    /// <summary>
    /// Why nothing is decided about the records of a call, which are given back: the caller wants to stop, or the handler was never asked, because the stage refused the
    /// call or its deadline passed while it waited for a place.
    /// </summary>
    public RecordFailure? Refusal<T>(in CallEnd<T> end, CancellationToken cancellationToken)
    {
        CallFailure failure = end.Failure!;
        ErrorClassification classification = failure.Classification;
        bool isStopped = classification.Category == ErrorCategory.Cancelled || cancellationToken.IsCancellationRequested;
        if (!isStopped && end.Attempts > 0)
            return null;

        NextAction next = !isStopped && _policy.Circuit is { State: CircuitState.Open or CircuitState.Isolated or CircuitState.HalfOpen } circuit
            ? NextAction.OpenCircuit(_policy.TimeProvider.GetUtcNow() + circuit.RetryAfter)
            : NextAction.Requeue;
        return new(failure.ToException(), classification, DispositionReason.Systemic, next);
    }

    /// <summary>Asks the recovery of the first strategy, then that of the one which follows; a dead letter is what is left.</summary>
    public async ValueTask<RecoveryOutcome> DecideAsync(RecoveryContext context, CancellationToken cancellationToken)
    {
        for (int i = 0; ; i++)
        {
            // Met by a recovery that tried again, or reported of a record of a batch: whoever cancels wants to stop, and has not failed.
            if (context.Classification.Category == ErrorCategory.Cancelled)
                return RecoveryOutcome.Return(DispositionReason.Systemic, NextAction.Requeue);

            if (i == 2)
                break;

            // Read anew: a recovery that tried again may have met another failure.
            context.Strategy = i == 0 ? context.Classification.Strategy : context.Classification.ThenStrategy;
            if (context.Strategy == RecoveryStrategy.Propagate)
                return RecoveryOutcome.Return(DispositionReason.Systemic, NextAction.FailRun);

            RecoveryOutcome? outcome = null;
            try
            {
                outcome = await _recoveries[context.Strategy].RecoverAsync(context, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return RecoveryOutcome.Return(DispositionReason.Systemic, NextAction.Requeue);
            }
            catch (Exception exception)
            {
                // User code: the record must not get lost with it.
                context.RecoveryError = exception;
            }

            if (context.RecoveryError is { } recoveryError)
                _policy.Telemetry.Logs.CallbackFailed($"recovery {context.Strategy}", recoveryError);

            if (outcome is null)
                break;

            if (outcome.Value.Disposition is not null)
                return outcome.Value;
        }

        context.Strategy = RecoveryStrategy.DeadLetter;
        return RecoveryOutcome.Keep(Disposition.DeadLettered, context.Reason, NextAction.Continue);
    }

    public FailureRecord Compose<TRecord>(TRecord record, RecoveryContext context, in RecoveryOutcome outcome, FailureRecord? parent = null)
    {
        RecordOrigin origin = _policy.Telemetry.Origins.Of(record);
        FailureRecord failure = _composer.Compose(record, new FailureDetails
        {
            Key = string.IsNullOrEmpty(origin.Key) ? null : origin.Key,
            Error = context.Error,
            Classification = context.Classification,
            Strategy = context.Strategy,
            Disposition = outcome.Disposition!.Value,
            Reason = outcome.Reason,
            Severity = context.Classification.Severity,
            Attempts = context.Attempts,
            Run = origin.RunId ?? PipelineRun.Current?.Id,
            Fingerprint = context.Fingerprint,
            Parent = parent,
            Span = context.Span,
            Now = _policy.TimeProvider.GetUtcNow(),
        });
        if (context.RecoveryError is { } recoveryError)
            failure = failure with { Exceptions = [.. failure.Exceptions, FailureCauses.Of(recoveryError)[0]] };

        return failure with { Severity = _escalation.Escalate(failure.Fingerprint, failure.Severity) };
    }

    /// <summary>Keeps failures, and tells of them. Answers <see langword="null"/> once they are kept, or why they could not be, in the time that there is.</summary>
    /// <param name="failures">The failures, with what was thrown.</param>
    /// <param name="call">The span of the call in which they failed.</param>
    /// <param name="cancellationToken">Ends the waiting for a store that fails.</param>
    public async ValueTask<Exception?> KeepAsync(
        IReadOnlyList<(FailureRecord Record, Exception? Error)> failures, ActivityContext call, CancellationToken cancellationToken)
    {
        StageSpans spans = _policy.Telemetry.Spans;
        Activity? keep = spans.StartKeep(call, failures.Count);
        Exception? storeError = null;
        try
        {
            storeError = await Store.KeepAsync([.. failures.Select(static failure => failure.Record)], cancellationToken).ConfigureAwait(false);

            // While the span is current: the call's has ended, and a line of the log would have no trace.
            for (int i = 0; i < failures.Count && storeError is null; i++)
            {
                (FailureRecord kept, Exception? error) = failures[i];
                if (keep is not null)
                    spans.DescribeKept(keep, i, failures.Count, kept.Id, kept.RecordKey, kept.Disposition);

                Announce(kept, error);
            }
        }
        finally
        {
            if (keep is not null)
                spans.End(keep, storeError);
        }

        return storeError;
    }

    /// <summary>Tells of a failure that is kept.</summary>
    private void Announce(FailureRecord kept, Exception? error)
    {
        StageLogs logs = _policy.Telemetry.Logs;
        if (logs.WantsKept(kept.Severity))
        {
            logs.RecordKept(new KeptRecord
            {
                Run = kept.Run,
                RecordKey = kept.RecordKey,
                SourcePosition = kept.SourcePosition,
                Disposition = kept.Disposition.ToString(),
                Reason = kept.Reason.ToString(),
                Category = kept.Category,
                Severity = kept.Severity,
                FailureId = kept.Id,
                Fingerprint = kept.Fingerprint,
                Payload = kept.Payload?.Content ?? default,
                IsPayloadCut = kept.Payload is { IsTruncated: true },
                Error = error,
            });
        }

        _notifications.Post(kept);
    }

    public static RecordFailure Describe(RecoveryContext context, in RecoveryOutcome outcome) =>
        new(context.Error, context.Classification, outcome.Reason, outcome.Next);

    /// <summary>What becomes of a failure that could not be kept: the record is given back, and its own error stays what it was.</summary>
    public RecordFailure Unkept(RecordFailure failed, Exception storeError) => failed with
    {
        Next = StoreGate.IsFinal(storeError) ? NextAction.FailRun : NextAction.RetryAt(_policy.TimeProvider.GetUtcNow() + StoreRetry),
        StoreError = storeError,
    };

    /// <summary>What becomes of a record that could not begin because the store fails.</summary>
    public RecordFailure StoreIsDown(Exception storeError) =>
        Unkept(new RecordFailure(null, ErrorClassification.Resource, DispositionReason.Systemic, default), storeError);
}
