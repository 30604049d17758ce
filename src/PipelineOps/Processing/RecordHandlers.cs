namespace PipelineOps;

/// <summary>A handler with its state, without its record. A struct, so that the processor is compiled for each kind of handler.</summary>
/// <typeparam name="TRecord">The type of the records, or of the lists of them.</typeparam>
/// <typeparam name="TTask">What the handler returns.</typeparam>
internal interface IRecordHandler<in TRecord, out TTask>
{
    TTask Invoke(TRecord record, in StageAttempt attempt, CancellationToken cancellationToken);
}

internal readonly struct PlainHandler<TRecord, TTask>(Func<TRecord, CancellationToken, TTask> handler) : IRecordHandler<TRecord, TTask>
{
    public TTask Invoke(TRecord record, in StageAttempt attempt, CancellationToken cancellationToken) => RecordHandler.Invoke(handler, record, cancellationToken);
}

internal readonly struct StateHandler<TRecord, TState, TTask>(Func<TRecord, TState, CancellationToken, TTask> handler, TState state) : IRecordHandler<TRecord, TTask>
{
    public TTask Invoke(TRecord record, in StageAttempt attempt, CancellationToken cancellationToken) =>
        RecordHandler.Invoke(handler, record, state, cancellationToken);
}

internal readonly struct AttemptHandler<TRecord, TState, TTask>(Func<TRecord, TState, StageAttempt, CancellationToken, TTask> handler, TState state)
    : IRecordHandler<TRecord, TTask>
{
    public TTask Invoke(TRecord record, in StageAttempt attempt, CancellationToken cancellationToken) =>
        RecordHandler.Invoke(handler, record, state, in attempt, cancellationToken);
}

/// <summary>A handler with its record, as the executor invokes it.</summary>
internal readonly struct RecordInvoker<TRecord, THandler, TTask>(THandler handler, TRecord record, long call) : IInvoker<TTask>
    where THandler : struct, IRecordHandler<TRecord, TTask>
{
    public CallSubject Subject => new(record, IsBatch: false);

    public TTask Invoke(int attempt, Exception? lastError, CancellationToken cancellationToken) =>
        handler.Invoke(record, new StageAttempt(attempt, lastError, call), cancellationToken);
}

/// <summary>A handler with its batch, as the executor invokes it; a type of its own, for a record may be a list too.</summary>
internal readonly struct BatchInvoker<TRecord, THandler>(THandler handler, IReadOnlyList<TRecord> records, long call) : IInvoker<ValueTask>
    where THandler : struct, IRecordHandler<IReadOnlyList<TRecord>, ValueTask>
{
    public CallSubject Subject => new(records, IsBatch: true);

    public ValueTask Invoke(int attempt, Exception? lastError, CancellationToken cancellationToken) =>
        handler.Invoke(records, new StageAttempt(attempt, lastError, call), cancellationToken);
}
