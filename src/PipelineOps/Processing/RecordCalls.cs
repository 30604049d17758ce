namespace PipelineOps;

/// <summary>Calls a handler, with one record or another: a recovery may adapt a record, an isolation calls with parts of a batch.</summary>
/// <typeparam name="TRecord">The type of the records, or of the lists of them.</typeparam>
/// <typeparam name="T">The type of the handler's result.</typeparam>
internal interface IRecordCall<in TRecord, T>
{
    ValueTask<CallEnd<T>> Execute(StagePolicy policy, TRecord record, CancellationToken cancellationToken);
}

internal readonly struct ValueRecordCall<TRecord, THandler, T>(THandler handler) : IRecordCall<TRecord, T>
    where THandler : struct, IRecordHandler<TRecord, ValueTask<T>>
{
    // One number for all calls, so that the idempotency key stays the same.
    private readonly long _call = StageAttempt.NextCall();

    public ValueTask<CallEnd<T>> Execute(StagePolicy policy, TRecord record, CancellationToken cancellationToken) =>
        StageExecutor.Execute<ValueCall<RecordInvoker<TRecord, THandler, ValueTask<T>>, T>, T, CallEnd<T>, Recording<T>>(
            policy, new(new(handler, record, _call)), cancellationToken);
}

internal readonly struct VoidRecordCall<TRecord, THandler>(THandler handler) : IRecordCall<TRecord, None>
    where THandler : struct, IRecordHandler<TRecord, ValueTask>
{
    // As above.
    private readonly long _call = StageAttempt.NextCall();

    public ValueTask<CallEnd<None>> Execute(StagePolicy policy, TRecord record, CancellationToken cancellationToken) =>
        StageExecutor.Execute<VoidCall<RecordInvoker<TRecord, THandler, ValueTask>>, None, CallEnd<None>, Recording<None>>(
            policy, new(new(handler, record, _call)), cancellationToken);
}

internal readonly struct BatchCall<TRecord, THandler>(THandler handler) : IRecordCall<IReadOnlyList<TRecord>, None>
    where THandler : struct, IRecordHandler<IReadOnlyList<TRecord>, ValueTask>
{
    // As above.
    private readonly long _call = StageAttempt.NextCall();

    public ValueTask<CallEnd<None>> Execute(StagePolicy policy, IReadOnlyList<TRecord> record, CancellationToken cancellationToken) =>
        StageExecutor.Execute<VoidCall<BatchInvoker<TRecord, THandler>>, None, CallEnd<None>, Recording<None>>(
            policy, new(new(handler, record, _call)), cancellationToken);
}
