namespace PipelineOps;

/// <summary>
/// How a delay is drawn at random, so that callers that failed together do not come back together. In the formulas, <c>v</c> is the
/// backoff's delay for this retry, already capped: the cap is a bound of the draw, so that delays at the cap stay spread.
/// </summary>
/// <remarks>
/// The formulas are those of Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015
/// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), with the cap of the decorrelated one moved inside the draw.
/// </remarks>
public enum Jitter
{
    /// <summary><c>random(0, v)</c>: the least work for a dependency under contention.</summary>
    Full,

    /// <summary><c>v/2 + random(0, v/2)</c>: never less than half the delay.</summary>
    Equal,

    /// <summary>
    /// <c>random(base, min(cap, 3 · previous delay))</c>: grows from the delay before instead of the retry number. Where the cap leaves no
    /// room above the base, the draw begins at zero instead, so that it stays a draw.
    /// </summary>
    Decorrelated,

    /// <summary><c>v</c>: exact delays. Callers that failed together come back together.</summary>
    None,
}
