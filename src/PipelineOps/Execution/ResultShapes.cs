using System.Runtime.ExceptionServices;

namespace PipelineOps;

/// <summary>What a call's end becomes: a value or a throw for <c>ExecuteAsync</c>, a <see cref="StageResult{T}"/> for <c>TryExecuteAsync</c>.</summary>
internal interface IResultShape<T, TOut>
{
    /// <summary>Whether the result tells the duration, for which the precise clock is read.</summary>
    static abstract bool TellsDuration { get; }

    /// <summary>Whether the failure tells of every attempt, which are then kept from the first that fails.</summary>
    static abstract bool TellsAttempts { get; }

    static abstract TOut Success(T value, int attempts, TimeSpan duration);

    static abstract TOut Failure(T? value, CallFailure failure, int attempts, TimeSpan duration);

    /// <summary>As <see cref="Failure"/>, outside a state machine: an exception goes into the task instead of being thrown twice.</summary>
    static abstract ValueTask<TOut> Rejected(CallFailure rejection);
}

internal readonly struct Throwing<T> : IResultShape<T, T>
{
    public static bool TellsDuration => false;

    public static bool TellsAttempts => false;

    public static T Success(T value, int attempts, TimeSpan duration) => value;

    public static T Failure(T? value, CallFailure failure, int attempts, TimeSpan duration)
    {
        if (failure.ToException() is { } exception)
            ExceptionDispatchInfo.Throw(exception);

        return value!;
    }

    public static ValueTask<T> Rejected(CallFailure rejection) => new(new FaultedSource<T>(rejection.ToException()!), 0);
}

internal readonly struct Returning<T> : IResultShape<T, StageResult<T>>
{
    public static bool TellsDuration => true;

    public static bool TellsAttempts => false;

    public static StageResult<T> Success(T value, int attempts, TimeSpan duration) => new(value, null, attempts, duration);

    public static StageResult<T> Failure(T? value, CallFailure failure, int attempts, TimeSpan duration) => new(value, failure, attempts, duration);

    public static ValueTask<StageResult<T>> Rejected(CallFailure rejection) => new(new StageResult<T>(default, rejection, 0, TimeSpan.Zero));
}

internal readonly struct ReturningNone : IResultShape<None, StageResult>
{
    public static bool TellsDuration => true;

    public static bool TellsAttempts => false;

    public static StageResult Success(None value, int attempts, TimeSpan duration) => new(new StageResult<None>(value, null, attempts, duration));

    public static StageResult Failure(None value, CallFailure failure, int attempts, TimeSpan duration) =>
        new(new StageResult<None>(value, failure, attempts, duration));

    public static ValueTask<StageResult> Rejected(CallFailure rejection) => new(new StageResult(new StageResult<None>(default, rejection, 0, TimeSpan.Zero)));
}

/// <summary>For the record level, which reads no clock for a success and wants to know everything about a failure.</summary>
internal readonly struct Recording<T> : IResultShape<T, CallEnd<T>>
{
    public static bool TellsDuration => false;

    public static bool TellsAttempts => true;

    public static CallEnd<T> Success(T value, int attempts, TimeSpan duration) => new(value, null, attempts);

    public static CallEnd<T> Failure(T? value, CallFailure failure, int attempts, TimeSpan duration) => new(value, failure, attempts);

    public static ValueTask<CallEnd<T>> Rejected(CallFailure rejection) => new(new CallEnd<T>(default, rejection, 0));
}
