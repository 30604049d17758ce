namespace PipelineOps;

/// <summary>A record that failed, with the call that can process it once more.</summary>
internal sealed class RecordContext<TRecord, T, TCall> : RecoveryContext
    where TCall : struct, IRecordCall<TRecord, T>
{
    private readonly StagePolicy _policy;
    private readonly TCall _call;
    private readonly bool _isOversized;

    public RecordContext(StagePolicy policy, TCall call, TRecord record, CallFailure failure, int attempts, int batchSize, bool isOversized = false)
        : base(policy.Telemetry.Pipeline, policy.Telemetry.Stage, record, batchSize, policy.TimeProvider)
    {
        _policy = policy;
        _call = call;
        _isOversized = isOversized;
        TotalAttempts = attempts;
        Tell(failure, []);
    }

    /// <summary>How often the handler was invoked with the record.</summary>
    public int TotalAttempts { get; private set; }

    /// <summary>What the handler made of the record, when a recovery tried it again with success.</summary>
    public T? Value { get; private set; }

    public override DispositionReason Reason =>
        _isOversized ? DispositionReason.Oversized
        : Error is StageTimeoutException { Kind: StageTimeoutKind.Total } ? DispositionReason.Expired
        : !Classification.IsRetryable ? DispositionReason.Poison
        : Classification.Circuit == CircuitEffect.Failure && _policy.Circuit?.State is CircuitState.Open or CircuitState.Isolated ? DispositionReason.Systemic
        : DispositionReason.Exhausted;

    /// <summary>Puts the attempts before the record's own that it failed in together with others.</summary>
    public void Follow(IReadOnlyList<FailureAttempt> earlier) =>
        Attempts = [.. earlier, .. Attempts.Select(attempt => attempt with { Number = attempt.Number + earlier.Count })];

    private protected override async ValueTask<bool> TryOnceMoreAsync(object? record, CancellationToken cancellationToken)
    {
        if (record is not TRecord && (record is not null || default(TRecord) is not null))
        {
            throw new ArgumentException(
                $"The record to try again is {record?.GetType().ToString() ?? "null"}, but stage {Pipeline}/{Stage} processes {typeof(TRecord)}.", nameof(record));
        }

        CallEnd<T> end = await _call.Execute(_policy with { MaxRetries = 0 }, (TRecord)record!, cancellationToken).ConfigureAwait(false);
        TotalAttempts += end.Attempts;
        if (end.Failure is { } failure)
        {
            // A call that was refused says nothing of the record, whose own failure stands; that the caller wants to stop does count.
            if (end.Attempts > 0 || failure.Classification.Category == ErrorCategory.Cancelled)
                Tell(failure, Attempts);

            return false;
        }

        Value = end.Value;
        return true;
    }

    private void Tell(CallFailure failure, IReadOnlyList<FailureAttempt> earlier)
    {
        Error = failure.ToException();
        if (failure.Span != default)
            Span = failure.Span;

        Classification = failure.Classification;
        Attempts = [.. earlier, .. failure.Attempts.Select(attempt => attempt with { Number = attempt.Number + earlier.Count, BatchSize = BatchSize })];
    }
}
