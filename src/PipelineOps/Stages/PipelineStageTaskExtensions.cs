using System.Threading.Channels;

namespace PipelineOps;

/// <summary>
/// Runs delegates that return a <see cref="Task"/>. Extensions, so that an <c>async</c> lambda, which could become either kind of task, binds to the
/// <see cref="ValueTask"/> methods of <see cref="PipelineStage"/> without ambiguity.
/// </summary>
public static class PipelineStageTaskExtensions
{
    /// <inheritdoc cref="PipelineStage.ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<T> ExecuteAsync<TState, T>(
        this PipelineStage stage, Func<TState, CancellationToken, Task<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.ExecuteAsync(static (s, ct) => new ValueTask<T>(s.action(s.state, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask ExecuteAsync<TState>(
        this PipelineStage stage, Func<TState, CancellationToken, Task> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.ExecuteAsync(static (s, ct) => new ValueTask(s.action(s.state, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<T> ExecuteAsync<T>(
        this PipelineStage stage, Func<CancellationToken, Task<T>> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.ExecuteAsync(static (action, ct) => new ValueTask<T>(action(ct)), action, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask ExecuteAsync(
        this PipelineStage stage, Func<CancellationToken, Task> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.ExecuteAsync(static (action, ct) => new ValueTask(action(ct)), action, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<StageResult<T>> TryExecuteAsync<TState, T>(
        this PipelineStage stage, Func<TState, CancellationToken, Task<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.TryExecuteAsync(static (s, ct) => new ValueTask<T>(s.action(s.state, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<StageResult> TryExecuteAsync<TState>(
        this PipelineStage stage, Func<TState, CancellationToken, Task> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.TryExecuteAsync(static (s, ct) => new ValueTask(s.action(s.state, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<StageResult<T>> TryExecuteAsync<T>(
        this PipelineStage stage, Func<CancellationToken, Task<T>> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.TryExecuteAsync(static (action, ct) => new ValueTask<T>(action(ct)), action, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<StageResult> TryExecuteAsync(
        this PipelineStage stage, Func<CancellationToken, Task> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.TryExecuteAsync(static (action, ct) => new ValueTask(action(ct)), action, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ExecuteAsync{TState, T}(Func{TState, StageAttempt, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<T> ExecuteAsync<TState, T>(
        this PipelineStage stage, Func<TState, StageAttempt, CancellationToken, Task<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.ExecuteAsync(static (s, attempt, ct) => new ValueTask<T>(s.action(s.state, attempt, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ExecuteAsync{TState, T}(Func{TState, StageAttempt, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask ExecuteAsync<TState>(
        this PipelineStage stage, Func<TState, StageAttempt, CancellationToken, Task> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.ExecuteAsync(static (s, attempt, ct) => new ValueTask(s.action(s.state, attempt, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.TryExecuteAsync{TState, T}(Func{TState, StageAttempt, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<StageResult<T>> TryExecuteAsync<TState, T>(
        this PipelineStage stage, Func<TState, StageAttempt, CancellationToken, Task<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.TryExecuteAsync(static (s, attempt, ct) => new ValueTask<T>(s.action(s.state, attempt, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.TryExecuteAsync{TState, T}(Func{TState, StageAttempt, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<StageResult> TryExecuteAsync<TState>(
        this PipelineStage stage, Func<TState, StageAttempt, CancellationToken, Task> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(action);
        return stage.TryExecuteAsync(static (s, attempt, ct) => new ValueTask(s.action(s.state, attempt, ct)), (action, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAsync{TRecord}(TRecord, Func{TRecord, CancellationToken, ValueTask}, CancellationToken)"/>
    public static ValueTask<RecordResult> ProcessAsync<TRecord>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, CancellationToken, Task> handler,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAsync(record, static (record, handler, ct) => new ValueTask(RecordHandler.Invoke(handler, record, ct)), handler, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAsync{TRecord, TState}(TRecord, Func{TRecord, TState, CancellationToken, ValueTask}, TState, CancellationToken)"/>
    public static ValueTask<RecordResult> ProcessAsync<TRecord, TState>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, TState, CancellationToken, Task> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAsync(
            record, static (record, s, ct) => new ValueTask(RecordHandler.Invoke(s.handler, record, s.state, ct)), (handler, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAsync{TRecord, T}(TRecord, Func{TRecord, CancellationToken, ValueTask{T}}, CancellationToken)"/>
    public static ValueTask<RecordResult<T>> ProcessAsync<TRecord, T>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, CancellationToken, Task<T>> handler,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAsync(
            record, static (record, handler, ct) => new ValueTask<T>(RecordHandler.Invoke(handler, record, ct)), handler, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAsync{TRecord, TState, T}(TRecord, Func{TRecord, TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public static ValueTask<RecordResult<T>> ProcessAsync<TRecord, TState, T>(
        this PipelineStage stage,
        TRecord record,
        Func<TRecord, TState, CancellationToken, Task<T>> handler,
        TState state,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAsync(
            record, static (record, s, ct) => new ValueTask<T>(RecordHandler.Invoke(s.handler, record, s.state, ct)), (handler, state), cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessBatchAsync{TRecord}(IReadOnlyList{TRecord}, Func{IReadOnlyList{TRecord}, CancellationToken, ValueTask}, BatchEffect, CancellationToken)"/>
    public static ValueTask<BatchResult> ProcessBatchAsync<TRecord>(
        this PipelineStage stage,
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, CancellationToken, Task> handler,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessBatchAsync(
            records, static (records, handler, ct) => new ValueTask(RecordHandler.Invoke(handler, records, ct)), handler, effect, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessBatchAsync{TRecord, TState}(IReadOnlyList{TRecord}, Func{IReadOnlyList{TRecord}, TState, CancellationToken, ValueTask}, TState, BatchEffect, CancellationToken)"/>
    public static ValueTask<BatchResult> ProcessBatchAsync<TRecord, TState>(
        this PipelineStage stage,
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, TState, CancellationToken, Task> handler,
        TState state,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessBatchAsync(
            records, static (records, s, ct) => new ValueTask(RecordHandler.Invoke(s.handler, records, s.state, ct)), (handler, state), effect, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessBatchAsync{TRecord}(IReadOnlyList{TRecord}, Func{IReadOnlyList{TRecord}, BatchReport, CancellationToken, ValueTask}, BatchEffect, CancellationToken)"/>
    public static ValueTask<BatchResult> ProcessBatchAsync<TRecord>(
        this PipelineStage stage,
        IReadOnlyList<TRecord> records,
        Func<IReadOnlyList<TRecord>, BatchReport, CancellationToken, Task> handler,
        BatchEffect effect = BatchEffect.NonIdempotent,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessBatchAsync(
            records, (records, report, ct) => new ValueTask(RecordHandler.Invoke(handler, records, report, ct)), effect, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAllAsync{T}(IAsyncEnumerable{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        IAsyncEnumerable<T> source,
        Func<T, CancellationToken, Task> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAllAsync(source, (record, ct) => new ValueTask(RecordHandler.Invoke(handler, record, ct)), options, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAllAsync{T}(IAsyncEnumerable{T}, Func{IReadOnlyList{T}, CancellationToken, ValueTask}, BatchRunOptions{T}, CancellationToken)"/>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        IAsyncEnumerable<T> source,
        Func<IReadOnlyList<T>, CancellationToken, Task> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAllAsync(source, (records, ct) => new ValueTask(RecordHandler.Invoke(handler, records, ct)), options, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAllAsync{T}(ChannelReader{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        ChannelReader<T> source,
        Func<T, CancellationToken, Task> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAllAsync(source, (record, ct) => new ValueTask(RecordHandler.Invoke(handler, record, ct)), options, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.ProcessAllAsync{T}(ChannelReader{T}, Func{IReadOnlyList{T}, CancellationToken, ValueTask}, BatchRunOptions{T}, CancellationToken)"/>
    public static Task<RunSummary> ProcessAllAsync<T>(
        this PipelineStage stage,
        ChannelReader<T> source,
        Func<IReadOnlyList<T>, CancellationToken, Task> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.ProcessAllAsync(source, (records, ct) => new ValueTask(RecordHandler.Invoke(handler, records, ct)), options, cancellationToken);
    }

    /// <inheritdoc cref="PipelineStage.RedriveAsync{T}(Func{T, CancellationToken, ValueTask}, RedriveOptions, CancellationToken)"/>
    public static ValueTask<RedriveSummary> RedriveAsync<T>(
        this PipelineStage stage,
        Func<T, CancellationToken, Task> handler,
        RedriveOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(handler);
        return stage.RedriveAsync<T>((record, ct) => new ValueTask(RecordHandler.Invoke(handler, record, ct)), options, cancellationToken);
    }
}
