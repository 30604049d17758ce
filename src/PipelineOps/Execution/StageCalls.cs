using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>A delegate with its state: how an attempt begins.</summary>
/// <typeparam name="TTask">What the delegate returns.</typeparam>
internal interface IInvoker<out TTask>
{
    /// <summary>What the call is for.</summary>
    CallSubject Subject { get; }

    TTask Invoke(int attempt, Exception? lastError, CancellationToken cancellationToken);
}

internal readonly struct StateInvoker<TState, TTask>(Func<TState, CancellationToken, TTask> action, TState state) : IInvoker<TTask>
{
    public CallSubject Subject => default;

    public TTask Invoke(int attempt, Exception? lastError, CancellationToken cancellationToken) => action(state, cancellationToken);
}

/// <summary>As <see cref="StateInvoker{TState, TTask}"/>, but retries too keep the frames of a hot handler.</summary>
internal readonly struct HandlerInvoker<TRecord>(Func<TRecord, CancellationToken, ValueTask> handler, TRecord record) : IInvoker<ValueTask>
{
    public CallSubject Subject => new(record, IsBatch: false);

    public ValueTask Invoke(int attempt, Exception? lastError, CancellationToken cancellationToken) => RecordHandler.Invoke(handler, record, cancellationToken);
}

internal readonly struct AttemptInvoker<TState, TTask>(Func<TState, StageAttempt, CancellationToken, TTask> action, TState state) : IInvoker<TTask>
{
    private readonly long _call = StageAttempt.NextCall();

    public CallSubject Subject => default;

    public TTask Invoke(int attempt, Exception? lastError, CancellationToken cancellationToken) =>
        action(state, new StageAttempt(attempt, lastError, _call), cancellationToken);
}

/// <summary>
/// One delegate and its attempt in flight. A struct, so that the executor is compiled for each kind of delegate and calls it without an
/// interface, a closure or a conversion between kinds of task.
/// </summary>
/// <typeparam name="T">The type of the result.</typeparam>
internal interface IStageCall<out T>
{
    /// <inheritdoc cref="IInvoker{TTask}.Subject"/>
    CallSubject Subject { get; }

    bool IsCompleted { get; }

    bool IsCompletedSuccessfully { get; }

    /// <summary>Invokes the delegate. What it throws before it returns a task becomes a failed task.</summary>
    void Start(int attempt, Exception? lastError, CancellationToken cancellationToken);

    void OnCompleted(Action continuation);

    /// <summary>The result of a successful attempt; at most once for each start.</summary>
    T GetResult();

    /// <summary>What a completed but unsuccessful attempt threw; at most once for each start.</summary>
    Exception GetError();
}

#pragma warning disable CA2012 // The pending task is what these structs are for; the executor consumes each once.
internal struct ValueCall<TInvoker, T>(TInvoker invoker, ValueTask<T> pending = default) : IStageCall<T>
    where TInvoker : struct, IInvoker<ValueTask<T>>
{
    private ValueTask<T> _pending = pending;

    public readonly CallSubject Subject => invoker.Subject;

    public readonly bool IsCompleted => _pending.IsCompleted;

    public readonly bool IsCompletedSuccessfully => _pending.IsCompletedSuccessfully;

    public void Start(int attempt, Exception? lastError, CancellationToken cancellationToken)
    {
        try
        {
            _pending = invoker.Invoke(attempt, lastError, cancellationToken);
        }
        catch (Exception exception)
        {
            _pending = ValueTask.FromException<T>(exception);
        }
    }

    public readonly void OnCompleted(Action continuation) => _pending.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(continuation);

    public readonly T GetResult() => _pending.GetAwaiter().GetResult();

    public readonly Exception GetError() => TaskError.Of(_pending.AsTask());
}

internal struct VoidCall<TInvoker>(TInvoker invoker, ValueTask pending = default) : IStageCall<None>
    where TInvoker : struct, IInvoker<ValueTask>
{
    private ValueTask _pending = pending;

    public readonly CallSubject Subject => invoker.Subject;

    public readonly bool IsCompleted => _pending.IsCompleted;

    public readonly bool IsCompletedSuccessfully => _pending.IsCompletedSuccessfully;

    public void Start(int attempt, Exception? lastError, CancellationToken cancellationToken)
    {
        try
        {
            _pending = invoker.Invoke(attempt, lastError, cancellationToken);
        }
        catch (Exception exception)
        {
            _pending = ValueTask.FromException(exception);
        }
    }

    public readonly void OnCompleted(Action continuation) => _pending.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(continuation);

    public readonly None GetResult()
    {
        _pending.GetAwaiter().GetResult();
        return default;
    }

    public readonly Exception GetError() => TaskError.Of(_pending.AsTask());
}
#pragma warning restore CA2012

/// <summary>Reads what a task threw without throwing it again: a throw costs microseconds, and each retried attempt would pay it twice.</summary>
internal static class TaskError
{
    public static Exception Of(Task task)
    {
        if (task.Exception is { } aggregate)
            return aggregate.InnerException!;

        // A cancelled task hands out its exception only by throwing it.
        try
        {
            task.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException exception)
        {
            return exception;
        }

        throw new InvalidOperationException("A task that succeeded has no error.");
    }
}

/// <summary>Awaits an attempt's end without throwing what it threw.</summary>
internal readonly struct Completion<TCall, T>(TCall call) : ICriticalNotifyCompletion
    where TCall : struct, IStageCall<T>
{
    public bool IsCompleted => call.IsCompleted;

    public Completion<TCall, T> GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => call.OnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation) => call.OnCompleted(continuation);
}
