namespace PipelineOps;

public sealed partial class PipelineStage
{
    /// <summary>Processes one record. Never throws for its failure, nor for a rejection, a deadline, a cancellation or a failing store.</summary>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    /// <returns>What became of the record. When it is kept in the failure store it is so before this returns.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<RecordResult> ProcessAsync<TRecord>(
        TRecord record, Func<TRecord, CancellationToken, ValueTask> handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Records.ProcessAsync(record, handler, cancellationToken);
    }

    /// <inheritdoc cref="ProcessAsync{TRecord}(TRecord, Func{TRecord, CancellationToken, ValueTask}, CancellationToken)"/>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="state">What the handler needs besides the record.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    public ValueTask<RecordResult> ProcessAsync<TRecord, TState>(
        TRecord record,
        Func<TRecord, TState, CancellationToken, ValueTask> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return RecordProcessor.WithoutValue(Records.ProcessAsync<TRecord, None, VoidRecordCall<TRecord, StateHandler<TRecord, TState, ValueTask>>>(
            record, new(new(handler, state)), cancellationToken));
    }

    /// <inheritdoc cref="ProcessAsync{TRecord, TState}(TRecord, Func{TRecord, TState, CancellationToken, ValueTask}, TState, CancellationToken)"/>
    /// <remarks>The handler also gets the attempt: its number, the last error, and an idempotency key.</remarks>
    public ValueTask<RecordResult> ProcessAsync<TRecord, TState>(
        TRecord record,
        Func<TRecord, TState, StageAttempt, CancellationToken, ValueTask> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return RecordProcessor.WithoutValue(Records.ProcessAsync<TRecord, None, VoidRecordCall<TRecord, AttemptHandler<TRecord, TState, ValueTask>>>(
            record, new(new(handler, state)), cancellationToken));
    }

    /// <summary>Processes one record into something. Never throws for its failure, nor for a rejection, a deadline, a cancellation or a failing store.</summary>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <typeparam name="T">The type of the result; with <see cref="RecordOutcome"/> the handler can leave the record out.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    /// <returns>What became of the record, and what the handler made of it.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<RecordResult<T>> ProcessAsync<TRecord, T>(
        TRecord record, Func<TRecord, CancellationToken, ValueTask<T>> handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Records.ProcessAsync<TRecord, T, ValueRecordCall<TRecord, PlainHandler<TRecord, ValueTask<T>>, T>>(record, new(new(handler)), cancellationToken);
    }

    /// <inheritdoc cref="ProcessAsync{TRecord, T}(TRecord, Func{TRecord, CancellationToken, ValueTask{T}}, CancellationToken)"/>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="T">The type of the result; with <see cref="RecordOutcome"/> the handler can leave the record out.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="state">What the handler needs besides the record.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    public ValueTask<RecordResult<T>> ProcessAsync<TRecord, TState, T>(
        TRecord record,
        Func<TRecord, TState, CancellationToken, ValueTask<T>> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Records.ProcessAsync<TRecord, T, ValueRecordCall<TRecord, StateHandler<TRecord, TState, ValueTask<T>>, T>>(
            record, new(new(handler, state)), cancellationToken);
    }

    /// <inheritdoc cref="ProcessAsync{TRecord, TState, T}(TRecord, Func{TRecord, TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    /// <remarks>The handler also gets the attempt: its number, the last error, and an idempotency key.</remarks>
    public ValueTask<RecordResult<T>> ProcessAsync<TRecord, TState, T>(
        TRecord record,
        Func<TRecord, TState, StageAttempt, CancellationToken, ValueTask<T>> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Records.ProcessAsync<TRecord, T, ValueRecordCall<TRecord, AttemptHandler<TRecord, TState, ValueTask<T>>, T>>(
            record, new(new(handler, state)), cancellationToken);
    }
}
