using System.Threading.Channels;

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

    /// <summary>
    /// Processes a batch. When it fails, and its handler's effects allow that, it is made smaller if it is too large for the dependency, and its bad records are
    /// found with as few calls as can be. Never throws for a failure.
    /// </summary>
    /// <typeparam name="TRecord">The type of the records.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="records">The records; not changed by anybody until the call has ended.</param>
    /// <param name="handler">Does the stage's work on the records that it is given: the batch, or a part of it, in its order. It succeeds or throws as a whole.</param>
    /// <param name="effect">What the handler leaves behind when it fails. With <see cref="BatchEffect.NonIdempotent"/> a batch that fails ends as one.</param>
    /// <param name="cancellationToken">Cancels the call; the records that are not settled by then are returned.</param>
    /// <returns>What became of each record. Those that are kept in the failure store are so before this returns.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public static ValueTask<BatchResult> ProcessBatchAsync<TRecord>(
        this PipelineStage stage,
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, CancellationToken, ValueTask> handler,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.Records.ProcessBatchAsync<TRecord, VoidRecordCall<IReadOnlyList<TRecord>, PlainHandler<IReadOnlyList<TRecord>, ValueTask>>>(
            records, new(new(handler)), report: null, effect, cancellationToken);
    }

    /// <inheritdoc cref="ProcessBatchAsync{TRecord}(PipelineStage, IReadOnlyList{TRecord}, Func{IReadOnlyList{TRecord}, CancellationToken, ValueTask}, BatchEffect, CancellationToken)"/>
    /// <typeparam name="TRecord">The type of the records.</typeparam>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="records">The records; not changed by anybody until the call has ended.</param>
    /// <param name="handler">Does the stage's work on the records that it is given: the batch, or a part of it, in its order. It succeeds or throws as a whole.</param>
    /// <param name="state">What the handler needs besides the records.</param>
    /// <param name="effect">What the handler leaves behind when it fails. With <see cref="BatchEffect.NonIdempotent"/> a batch that fails ends as one.</param>
    /// <param name="cancellationToken">Cancels the call; the records that are not settled by then are returned.</param>
    public static ValueTask<BatchResult> ProcessBatchAsync<TRecord, TState>(
        this PipelineStage stage,
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, TState, CancellationToken, ValueTask> handler,
        TState state,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.Records.ProcessBatchAsync<TRecord, VoidRecordCall<IReadOnlyList<TRecord>, StateHandler<IReadOnlyList<TRecord>, TState, ValueTask>>>(
            records, new(new(handler, state)), report: null, effect, cancellationToken);
    }

    /// <inheritdoc cref="ProcessBatchAsync{TRecord, TState}(PipelineStage, IReadOnlyList{TRecord}, Func{IReadOnlyList{TRecord}, TState, CancellationToken, ValueTask}, TState, BatchEffect, CancellationToken)"/>
    /// <remarks>The handler also gets the attempt: its number, the last error, and an idempotency key for each record.</remarks>
    public static ValueTask<BatchResult> ProcessBatchAsync<TRecord, TState>(
        this PipelineStage stage,
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, TState, BatchAttempt, CancellationToken, ValueTask> handler,
        TState state,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.Records.ProcessBatchAsync<TRecord, VoidRecordCall<IReadOnlyList<TRecord>, BatchAttemptHandler<TRecord, TState>>>(
            records, new(new(handler, state)), report: null, effect, cancellationToken);
    }

    /// <summary>
    /// Processes a batch whose handler reports on each record, as bulk interfaces do. Records with an error of their own are tried again alone if it is of the passing
    /// kind, and recovered otherwise; a record that the report does not mention is failed-unknown, never a success. Never throws for a failure.
    /// </summary>
    /// <typeparam name="TRecord">The type of the records.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="records">The records; not changed by anybody until the call has ended.</param>
    /// <param name="handler">Does the stage's work on the records that it is given, and reports. When it throws, its report does not count.</param>
    /// <param name="effect">What the handler leaves behind when it throws.</param>
    /// <param name="cancellationToken">Cancels the call; the records that are not settled by then are returned.</param>
    /// <returns>What became of each record. Those that are kept in the failure store are so before this returns.</returns>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public static ValueTask<BatchResult> ProcessBatchAsync<TRecord>(
        this PipelineStage stage,
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, BatchReport, CancellationToken, ValueTask> handler,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(handler);
        var report = new BatchReport();
        return stage.Records.ProcessBatchAsync<TRecord, VoidRecordCall<IReadOnlyList<TRecord>, ReportHandler<TRecord>>>(
            records, new(new(handler, report)), report, effect, cancellationToken);
    }

    /// <summary>
    /// Processes every record of a sequence: reads as fast as its workers go and no faster, not at all while the circuit is open or the failure store is down, and ends
    /// when the source ends, when it is told to stop, or when it cannot go on.
    /// </summary>
    /// <typeparam name="T">The type of the records.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="source">Where the records come from.</param>
    /// <param name="handler">Does the stage's work on a record; invoked once for each attempt.</param>
    /// <param name="options">How to go through the source; <see langword="null"/> for the defaults.</param>
    /// <param name="cancellationToken">Stops the run; records in flight are cancelled, and returned if they do not end otherwise.</param>
    /// <returns>What the run did.</returns>
    /// <exception cref="RunFailedException">The run could not go on. Carries the summary.</exception>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        IAsyncEnumerable<T> source,
        Func<T, CancellationToken, ValueTask> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, None, VoidRecordCall<T, PlainHandler<T, ValueTask>>>(stage, Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(PipelineStage, IAsyncEnumerable{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler can leave records out.</remarks>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        IAsyncEnumerable<T> source,
        Func<T, CancellationToken, ValueTask<RecordOutcome>> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, RecordOutcome, ValueRecordCall<T, PlainHandler<T, ValueTask<RecordOutcome>>, RecordOutcome>>(
            stage, Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(PipelineStage, IAsyncEnumerable{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and succeeds or throws as a whole.</remarks>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        IAsyncEnumerable<T> source,
        Func<IReadOnlyList<T>, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, VoidRecordCall<IReadOnlyList<T>, PlainHandler<IReadOnlyList<T>, ValueTask>>>(
            stage, Source(source), handler, _ => new(new(handler)), reports: false, options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(PipelineStage, IAsyncEnumerable{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and reports on each record; one that it does not mention is failed-unknown.</remarks>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        IAsyncEnumerable<T> source,
        Func<IReadOnlyList<T>, BatchReport, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, VoidRecordCall<IReadOnlyList<T>, ReportHandler<T>>>(
            stage, Source(source), handler, report => new(new(handler, report!)), reports: true, options, cancellationToken);

    /// <summary>
    /// Processes every record of a channel: reads as fast as its workers go and no faster, not at all while the circuit is open or the failure store is down, and ends
    /// when the source ends, when it is told to stop, or when it cannot go on.
    /// </summary>
    /// <typeparam name="T">The type of the records.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="source">Where the records come from.</param>
    /// <param name="handler">Does the stage's work on a record; invoked once for each attempt.</param>
    /// <param name="options">How to go through the source; <see langword="null"/> for the defaults.</param>
    /// <param name="cancellationToken">Stops the run; records in flight are cancelled, and returned if they do not end otherwise.</param>
    /// <returns>What the run did.</returns>
    /// <exception cref="RunFailedException">The run could not go on. Carries the summary.</exception>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        ChannelReader<T> source,
        Func<T, CancellationToken, ValueTask> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, None, VoidRecordCall<T, PlainHandler<T, ValueTask>>>(stage, Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(PipelineStage, ChannelReader{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler can leave records out.</remarks>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        ChannelReader<T> source,
        Func<T, CancellationToken, ValueTask<RecordOutcome>> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, RecordOutcome, ValueRecordCall<T, PlainHandler<T, ValueTask<RecordOutcome>>, RecordOutcome>>(
            stage, Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(PipelineStage, ChannelReader{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and succeeds or throws as a whole.</remarks>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        ChannelReader<T> source,
        Func<IReadOnlyList<T>, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, VoidRecordCall<IReadOnlyList<T>, PlainHandler<IReadOnlyList<T>, ValueTask>>>(
            stage, Source(source), handler, _ => new(new(handler)), reports: false, options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(PipelineStage, ChannelReader{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and reports on each record; one that it does not mention is failed-unknown.</remarks>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        ChannelReader<T> source,
        Func<IReadOnlyList<T>, BatchReport, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, VoidRecordCall<IReadOnlyList<T>, ReportHandler<T>>>(
            stage, Source(source), handler, report => new(new(handler, report!)), reports: true, options, cancellationToken);

    private static Func<CancellationToken, IRecordSource<T>> Source<T>(IAsyncEnumerable<T> source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return stop => new EnumerableSource<T>(source, stop);
    }

    private static Func<CancellationToken, IRecordSource<T>> Source<T>(ChannelReader<T> source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return stop => new ChannelSource<T>(source, stop);
    }

    private static Task<RunSummary> RunAsync<T, TValue, TCall>(
        PipelineStage stage,
        Func<CancellationToken, IRecordSource<T>> source,
        Delegate handler,
        Func<TCall> newCall,
        RecordRunOptions<T>? options,
        CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<T, TValue>
    {
        options ??= new RecordRunOptions<T>();
        Validate(stage, handler, options);
        return new SingleRun<T, TValue, TCall>(() => stage.Records, options, newCall, cancellationToken).RunAsync(source);
    }

    private static Task<RunSummary> RunAsync<T, TCall>(
        PipelineStage stage,
        Func<CancellationToken, IRecordSource<T>> source,
        Delegate handler,
        Func<BatchReport?, TCall> newCall,
        bool reports,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<IReadOnlyList<T>, None>
    {
        ArgumentNullException.ThrowIfNull(options);
        Validate(stage, handler, options);
        return new BatchRun<T, TCall>(() => stage.Records, options, newCall, reports, cancellationToken).RunAsync(source);
    }

    private static void Validate<T>(PipelineStage stage, Delegate handler, RunOptions<T> options)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        var problems = new OptionsProblems { Prefix = $"{stage}: " };
        options.Validate(problems);
        problems.ThrowIfAny();
    }
}
