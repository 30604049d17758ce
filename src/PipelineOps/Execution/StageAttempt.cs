using System.Globalization;

namespace PipelineOps;

/// <summary>What a delegate may know of the attempt that it is.</summary>
public readonly struct StageAttempt
{
    // The process's share of every idempotency key; the call's sequence number is the rest.
    private static readonly long ProcessPart = BitConverter.ToInt64(Guid.NewGuid().ToByteArray());
    private static long _lastCall;

    private readonly long _call;

    internal StageAttempt(int number, Exception? lastError, long call)
    {
        Number = number;
        LastError = lastError;
        _call = call;
    }

    /// <summary>The attempt's number within its call; the first is 1.</summary>
    public int Number { get; }

    /// <summary>Whether an earlier attempt of this call failed.</summary>
    public bool IsRetry => Number > 1;

    /// <summary>What the attempt before threw; <see langword="null"/> for the first attempt, and when the attempt before failed by its result.</summary>
    public Exception? LastError { get; }

    /// <summary>
    /// A text that is the same for every attempt of one call and differs between calls, also of other processes. Send it along, so that the
    /// receiver can tell a repetition from a new request.
    /// </summary>
    public string IdempotencyKey => string.Create(CultureInfo.InvariantCulture, $"{ProcessPart:x16}-{_call:x16}");

    internal static long NextCall() => Interlocked.Increment(ref _lastCall);
}
