namespace PipelineOps;

/// <summary>Processes records with a stage: what fails is retried, recovered and kept, and every record ends with a disposition.</summary>
/// <remarks>
/// A record that ends <see cref="Disposition.Returned"/> is still its source's: it was not processed, and the source's position must not move past it.
/// <c>ProcessAllAsync</c> takes care of that; with the other methods it is the caller's part.
/// </remarks>
public static class PipelineStageRecordExtensions
{
    /// <summary>Processes one record. Never throws for its failure, nor for a rejection, a deadline, a cancellation or a failing store.</summary>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    /// <returns>What became of the record. When it is kept in the failure store it is so before this returns.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public static ValueTask<RecordResult> ProcessAsync<TRecord>(
        this PipelineStage stage, TRecord record, Func<TRecord, CancellationToken, ValueTask> handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.Records.ProcessAsync(record, handler, cancellationToken);
    }

    /// <inheritdoc cref="ProcessAsync{TRecord}(PipelineStage, TRecord, Func{TRecord, CancellationToken, ValueTask}, CancellationToken)"/>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="state">What the handler needs besides the record.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    public static ValueTask<RecordResult> ProcessAsync<TRecord, TState>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, TState, CancellationToken, ValueTask> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return RecordProcessor.WithoutValue(stage.Records.ProcessAsync<TRecord, None, VoidRecordCall<TRecord, StateHandler<TRecord, TState, ValueTask>>>(
            record, new(new(handler, state)), cancellationToken));
    }

    /// <inheritdoc cref="ProcessAsync{TRecord, TState}(PipelineStage, TRecord, Func{TRecord, TState, CancellationToken, ValueTask}, TState, CancellationToken)"/>
    /// <remarks>The handler also gets the attempt: its number, the last error, and an idempotency key.</remarks>
    public static ValueTask<RecordResult> ProcessAsync<TRecord, TState>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, TState, StageAttempt, CancellationToken, ValueTask> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return RecordProcessor.WithoutValue(stage.Records.ProcessAsync<TRecord, None, VoidRecordCall<TRecord, AttemptHandler<TRecord, TState, ValueTask>>>(
            record, new(new(handler, state)), cancellationToken));
    }

    /// <summary>Processes one record into something. Never throws for its failure, nor for a rejection, a deadline, a cancellation or a failing store.</summary>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <typeparam name="T">The type of the result; with <see cref="RecordOutcome"/> the handler can leave the record out.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    /// <returns>What became of the record, and what the handler made of it.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public static ValueTask<RecordResult<T>> ProcessAsync<TRecord, T>(
        this PipelineStage stage, TRecord record, Func<TRecord, CancellationToken, ValueTask<T>> handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.Records.ProcessAsync<TRecord, T, ValueRecordCall<TRecord, PlainHandler<TRecord, ValueTask<T>>, T>>(record, new(new(handler)), cancellationToken);
    }

    /// <inheritdoc cref="ProcessAsync{TRecord, T}(PipelineStage, TRecord, Func{TRecord, CancellationToken, ValueTask{T}}, CancellationToken)"/>
    /// <typeparam name="TRecord">The type of the record.</typeparam>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="T">The type of the result; with <see cref="RecordOutcome"/> the handler can leave the record out.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="record">The record.</param>
    /// <param name="handler">Does the stage's work on the record; invoked once for each attempt.</param>
    /// <param name="state">What the handler needs besides the record.</param>
    /// <param name="cancellationToken">Cancels the call; the record is then returned.</param>
    public static ValueTask<RecordResult<T>> ProcessAsync<TRecord, TState, T>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, TState, CancellationToken, ValueTask<T>> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.Records.ProcessAsync<TRecord, T, ValueRecordCall<TRecord, StateHandler<TRecord, TState, ValueTask<T>>, T>>(
            record, new(new(handler, state)), cancellationToken);
    }

    /// <inheritdoc cref="ProcessAsync{TRecord, TState, T}(PipelineStage, TRecord, Func{TRecord, TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    /// <remarks>The handler also gets the attempt: its number, the last error, and an idempotency key.</remarks>
    public static ValueTask<RecordResult<T>> ProcessAsync<TRecord, TState, T>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, TState, StageAttempt, CancellationToken, ValueTask<T>> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.Records.ProcessAsync<TRecord, T, ValueRecordCall<TRecord, AttemptHandler<TRecord, TState, ValueTask<T>>, T>>(
            record, new(new(handler, state)), cancellationToken);
    }
}
