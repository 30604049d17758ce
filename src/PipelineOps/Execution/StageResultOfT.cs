using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace PipelineOps;

/// <summary>How a call ended: a value, or an error with what it means. Made by <c>TryExecuteAsync</c>, which never throws for a stage's failure.</summary>
/// <typeparam name="T">The type of the delegate's result.</typeparam>
public readonly struct StageResult<T>
{
    private readonly CallFailure? _failure;

    internal StageResult(T? value, CallFailure? failure, int attempts, TimeSpan duration)
    {
        Value = value;
        _failure = failure;
        Attempts = attempts;
        Duration = duration;
    }

    /// <summary>Whether the delegate succeeded.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    public bool IsSuccess => _failure is null;

    /// <summary>Whether the stage refused the call before its first attempt: its circuit was open or its queue full.</summary>
    public bool IsRejected => _failure is Rejection;

    /// <summary>The delegate's result; when a result rule called the last result a failure, that result; otherwise the default.</summary>
    public T? Value { get; }

    /// <summary>
    /// What the last attempt threw, or the <see cref="StageException"/> that the stage raised; <see langword="null"/> after a success and after
    /// a failure by result. For a rejection it is made at each reading.
    /// </summary>
    public Exception? Error => _failure?.ToException();

    /// <summary>
    /// What the failure means; the default after a success. For a rejection by the circuit, <see cref="ErrorClassification.RetryAfter"/> counts from
    /// the reading.
    /// </summary>
    public ErrorClassification Classification => _failure?.Classification ?? default;

    /// <summary>How often the delegate was invoked; 0 for a rejection.</summary>
    public int Attempts { get; }

    /// <summary>How long the whole call took, waits included; zero for a rejection.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Gets the value, or throws <see cref="Error"/> with its original stack.</summary>
    /// <returns>The value; also when the call failed by its result, as <c>ExecuteAsync</c> does.</returns>
    public T GetValueOrThrow()
    {
        ThrowIfFailed();
        return Value!;
    }

    internal void ThrowIfFailed()
    {
        if (Error is { } error)
            ExceptionDispatchInfo.Throw(error);
    }
}
