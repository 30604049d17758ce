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
}
