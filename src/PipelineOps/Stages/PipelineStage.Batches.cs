namespace PipelineOps;

public sealed partial class PipelineStage
{
    /// <summary>
    /// Processes a batch. When it fails, and its handler's effects allow that, it is made smaller if it is too large for the dependency, and its bad records are
    /// found with as few calls as can be. Never throws for a failure.
    /// </summary>
    /// <typeparam name="TRecord">The type of the records.</typeparam>
    /// <param name="records">The records; not changed by anybody until the call has ended.</param>
    /// <param name="handler">Does the stage's work on the records that it is given: the batch, or a part of it, in its order. It succeeds or throws as a whole.</param>
    /// <param name="effect">What the handler leaves behind when it fails. With <see cref="BatchEffect.NonIdempotent"/> a batch that fails ends as one.</param>
    /// <param name="cancellationToken">Cancels the call; the records that are not settled by then are returned.</param>
    /// <returns>What became of each record. Those that are kept in the failure store are so before this returns.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<BatchResult> ProcessBatchAsync<TRecord>(
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, CancellationToken, ValueTask> handler,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        return Records.ProcessBatchAsync<TRecord, BatchCall<TRecord, PlainHandler<IReadOnlyList<TRecord>, ValueTask>>>(
            records, new(new(handler)), report: null, effect, cancellationToken);
    }

    /// <inheritdoc cref="ProcessBatchAsync{TRecord}(IReadOnlyList{TRecord}, Func{IReadOnlyList{TRecord}, CancellationToken, ValueTask}, BatchEffect, CancellationToken)"/>
    /// <typeparam name="TRecord">The type of the records.</typeparam>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <param name="records">The records; not changed by anybody until the call has ended.</param>
    /// <param name="handler">Does the stage's work on the records that it is given: the batch, or a part of it, in its order. It succeeds or throws as a whole.</param>
    /// <param name="state">What the handler needs besides the records.</param>
    /// <param name="effect">What the handler leaves behind when it fails. With <see cref="BatchEffect.NonIdempotent"/> a batch that fails ends as one.</param>
    /// <param name="cancellationToken">Cancels the call; the records that are not settled by then are returned.</param>
    public ValueTask<BatchResult> ProcessBatchAsync<TRecord, TState>(
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, TState, CancellationToken, ValueTask> handler,
        TState state,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        return Records.ProcessBatchAsync<TRecord, BatchCall<TRecord, StateHandler<IReadOnlyList<TRecord>, TState, ValueTask>>>(
            records, new(new(handler, state)), report: null, effect, cancellationToken);
    }

    /// <inheritdoc cref="ProcessBatchAsync{TRecord, TState}(IReadOnlyList{TRecord}, Func{IReadOnlyList{TRecord}, TState, CancellationToken, ValueTask}, TState, BatchEffect, CancellationToken)"/>
    /// <remarks>The handler also gets the attempt: its number, the last error, and an idempotency key for each record.</remarks>
    public ValueTask<BatchResult> ProcessBatchAsync<TRecord, TState>(
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, TState, BatchAttempt, CancellationToken, ValueTask> handler,
        TState state,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        return Records.ProcessBatchAsync<TRecord, BatchCall<TRecord, BatchAttemptHandler<TRecord, TState>>>(
            records, new(new(handler, state)), report: null, effect, cancellationToken);
    }

    /// <summary>
    /// Processes a batch whose handler reports on each record, as bulk interfaces do. Records with an error of their own are tried again alone if it is of the passing
    /// kind, and recovered otherwise; a record that the report does not mention is failed-unknown, never a success. Never throws for a failure.
    /// </summary>
    /// <typeparam name="TRecord">The type of the records.</typeparam>
    /// <param name="records">The records; not changed by anybody until the call has ended.</param>
    /// <param name="handler">Does the stage's work on the records that it is given, and reports. When it throws, its report does not count.</param>
    /// <param name="effect">What the handler leaves behind when it throws.</param>
    /// <param name="cancellationToken">Cancels the call; the records that are not settled by then are returned.</param>
    /// <returns>What became of each record. Those that are kept in the failure store are so before this returns.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<BatchResult> ProcessBatchAsync<TRecord>(
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, BatchReport, CancellationToken, ValueTask> handler,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        var report = new BatchReport();
        return Records.ProcessBatchAsync<TRecord, BatchCall<TRecord, ReportHandler<TRecord>>>(
            records, new(new(handler, report)), report, effect, cancellationToken);
    }
}
