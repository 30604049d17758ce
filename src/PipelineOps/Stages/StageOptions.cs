using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>How a stage protects its calls. Read once, when the stage is built or reconfigured; later changes have no effect.</summary>
public sealed class StageOptions
{
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(49);

    private readonly List<Delegate> _resultRules = [];

    /// <summary>How long a whole call may take, with its waits and retries.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise from 1 ms to 49 days.</value>
    public TimeSpan? TotalTimeout { get; set; }

    /// <summary>How long one attempt may take until its token is cancelled. A delegate that ignores its token is waited for.</summary>
    /// <value><see langword="null"/> (the default) for no limit; otherwise from 1 ms to 49 days.</value>
    public TimeSpan? AttemptTimeout { get; set; }

    /// <summary>How failed attempts are repeated.</summary>
    public RetryOptions Retry { get; set; } = new();

    /// <summary>When the stage stops calling a dependency that fails.</summary>
    public CircuitBreakerOptions CircuitBreaker { get; set; } = new();

    /// <summary>
    /// Whether a call waits for an open circuit, within its total timeout, instead of being rejected. A call waits without a limit if there is no
    /// total timeout, and is rejected at once if the break ends after its deadline.
    /// </summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool WaitWhileCircuitOpen { get; set; }

    /// <summary>How many calls run at once.</summary>
    public ConcurrencyOptions Concurrency { get; set; } = new();

    /// <summary>What is done about records that fail.</summary>
    public RecoveryOptions Recovery { get; set; } = new();

    /// <summary>What the stage tells of its calls and records.</summary>
    public TelemetryOptions Telemetry { get; set; } = new();

    /// <summary>Says what an exception means.</summary>
    /// <value>The default is <see cref="ErrorClassifier.Default"/>.</value>
    public ErrorClassifier ErrorClassifier { get; set; } = ErrorClassifier.Default;

    /// <summary>The clock of every delay, deadline, window and timestamp.</summary>
    /// <value><see langword="null"/> (the default) for the container's <see cref="System.TimeProvider"/>, or <see cref="System.TimeProvider.System"/>.</value>
    public TimeProvider? TimeProvider { get; set; }

    /// <summary>Draws the jitter: at least 0 and less than 1; called from many threads at once.</summary>
    /// <value><see langword="null"/> (the default) for <see cref="System.Random.Shared"/>.</value>
    public Func<double>? Random { get; set; }

    /// <summary>Where the stage logs, in the category <c>PipelineOps</c>.</summary>
    /// <value><see langword="null"/> (the default) for the container's factory, or no log.</value>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>What makes the meter.</summary>
    /// <value><see langword="null"/> (the default) for the container's factory, or a meter shared by the process.</value>
    public IMeterFactory? MeterFactory { get; set; }

    internal IReadOnlyList<Delegate> ResultRules => _resultRules;

    /// <summary>
    /// Lets a result be a failure: the rule answers what a value means, or <see langword="null"/> if it is a success. A failure by result is retried
    /// and counted as one by exception is; when retries are spent the call returns the last value. Values that are retried are disposed.
    /// </summary>
    /// <typeparam name="T">The type of the result; the rule also applies to delegates that return a type derived from it.</typeparam>
    /// <param name="rule">The rule; a later one for the same type replaces an earlier. A rule that throws accepts the value.</param>
    /// <returns>The same options.</returns>
    public StageOptions AddResultRule<T>(Func<T, ErrorClassification?> rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        _resultRules.Add(rule);
        return this;
    }

    internal void Validate(OptionsProblems problems)
    {
        RequireTimeout(problems, TotalTimeout, nameof(TotalTimeout));
        RequireTimeout(problems, AttemptTimeout, nameof(AttemptTimeout));
        problems.Require(ErrorClassifier is not null, nameof(ErrorClassifier), null, "set");
        problems.Require(Retry is not null, nameof(Retry), null, "set");
        problems.Require(CircuitBreaker is not null, nameof(CircuitBreaker), null, "set");
        problems.Require(Concurrency is not null, nameof(Concurrency), null, "set");
        problems.Require(Recovery is not null, nameof(Recovery), null, "set");
        problems.Require(Telemetry is not null, nameof(Telemetry), null, "set");
        Retry?.Validate(problems, $"{nameof(Retry)}.");
        CircuitBreaker?.Validate(problems, $"{nameof(CircuitBreaker)}.");
        Concurrency?.Validate(problems, $"{nameof(Concurrency)}.");
        Recovery?.Validate(problems, $"{nameof(Recovery)}.");
        Telemetry?.Validate(problems, $"{nameof(Telemetry)}.");
    }

    private static void RequireTimeout(OptionsProblems problems, TimeSpan? timeout, string field) =>
        problems.Require(
            timeout is null || (timeout >= TimeSpan.FromMilliseconds(1) && timeout <= LongestTimeout), field, timeout, "from 1 ms to 49 days, or null for no limit");
}
