namespace PipelineOps;

/// <summary>
/// What an error means and what to do about it. Made once for each failed attempt; retry, circuit, recovery, severity and telemetry
/// all read this one answer, so that they cannot disagree.
/// </summary>
/// <remarks>
/// Start from a category's defaults and change what differs:
/// <c>ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(3) }</c>.
/// </remarks>
public readonly record struct ErrorClassification
{
    // One tick more than the delay, so that zero (also of default(ErrorClassification)) means that none was asked for.
    private readonly long _retryAfterPlusOne;

    /// <summary>Socket, connection, time-out, HTTP 408 and 5xx: retry with backoff, then dead-letter; Medium; counts as a circuit failure.</summary>
    public static ErrorClassification Transient { get; } =
        new(ErrorCategory.Transient, RecoveryStrategy.RetryWithBackoff, RecoveryStrategy.DeadLetter, ErrorSeverity.Medium, CircuitEffect.Failure);

    /// <summary>HTTP 429, a broker's flow control: retry with backoff honouring <see cref="RetryAfter"/>, then dead-letter; Medium; counts as a circuit failure.</summary>
    public static ErrorClassification Throttled { get; } =
        new(ErrorCategory.Throttled, RecoveryStrategy.RetryWithBackoff, RecoveryStrategy.DeadLetter, ErrorSeverity.Medium, CircuitEffect.Failure);

    /// <summary>Memory, disk, HTTP 413: reduce the batch, then retry with backoff; High; counts as a circuit failure.</summary>
    public static ErrorClassification Resource { get; } =
        new(ErrorCategory.Resource, RecoveryStrategy.ReduceBatch, RecoveryStrategy.RetryWithBackoff, ErrorSeverity.High, CircuitEffect.Failure);

    /// <summary>Invalid content: quarantine; Medium; neutral for the circuit.</summary>
    public static ErrorClassification DataQuality { get; } =
        new(ErrorCategory.DataQuality, RecoveryStrategy.Quarantine, RecoveryStrategy.Quarantine, ErrorSeverity.Medium, CircuitEffect.Neutral);

    /// <summary>A missing column or field: evolve the schema, then quarantine; High; neutral for the circuit.</summary>
    public static ErrorClassification Schema { get; } =
        new(ErrorCategory.Schema, RecoveryStrategy.EvolveSchema, RecoveryStrategy.Quarantine, ErrorSeverity.High, CircuitEffect.Neutral);

    /// <summary>A broken business rule: a person decides; High; neutral for the circuit.</summary>
    public static ErrorClassification BusinessRule { get; } =
        new(ErrorCategory.BusinessRule, RecoveryStrategy.ManualIntervention, RecoveryStrategy.ManualIntervention, ErrorSeverity.High, CircuitEffect.Neutral);

    /// <summary>Authentication, authorisation, configuration: propagate; Critical; counts as a circuit failure.</summary>
    public static ErrorClassification Permanent { get; } =
        new(ErrorCategory.Permanent, RecoveryStrategy.Propagate, RecoveryStrategy.Propagate, ErrorSeverity.Critical, CircuitEffect.Failure);

    /// <summary>A programming error: dead-letter; High; neutral for the circuit.</summary>
    public static ErrorClassification Defect { get; } =
        new(ErrorCategory.Defect, RecoveryStrategy.DeadLetter, RecoveryStrategy.DeadLetter, ErrorSeverity.High, CircuitEffect.Neutral);

    /// <summary>Cancelled by the caller: propagate; Low; neutral for the circuit.</summary>
    public static ErrorClassification Cancelled { get; } =
        new(ErrorCategory.Cancelled, RecoveryStrategy.Propagate, RecoveryStrategy.Propagate, ErrorSeverity.Low, CircuitEffect.Neutral);

    /// <summary>Everything else: standard retry, then dead-letter; Medium; counts as a circuit failure.</summary>
    public static ErrorClassification Unknown { get; } =
        new(ErrorCategory.Unknown, RecoveryStrategy.StandardRetry, RecoveryStrategy.DeadLetter, ErrorSeverity.Medium, CircuitEffect.Failure);

    /// <summary>Creates the classification of an unknown error.</summary>
    public ErrorClassification()
        : this(ErrorCategory.Unknown, RecoveryStrategy.StandardRetry, RecoveryStrategy.DeadLetter, ErrorSeverity.Medium, CircuitEffect.Failure)
    {
    }

    private ErrorClassification(
        ErrorCategory category, RecoveryStrategy strategy, RecoveryStrategy then, ErrorSeverity severity, CircuitEffect circuit)
    {
        Category = category;
        Strategy = strategy;
        ThenStrategy = then;
        Severity = severity;
        Circuit = circuit;
    }

    /// <summary>What the error means.</summary>
    public ErrorCategory Category { get; init; }

    /// <summary>What is done first.</summary>
    public RecoveryStrategy Strategy { get; init; }

    /// <summary>What is done when <see cref="Strategy"/> is spent; equal to it where nothing follows.</summary>
    public RecoveryStrategy ThenStrategy { get; init; }

    /// <summary>How loudly it is reported.</summary>
    public ErrorSeverity Severity { get; init; }

    /// <summary>What a circuit breaker makes of it.</summary>
    public CircuitEffect Circuit { get; init; }

    /// <summary>How long the dependency asked to be left alone, or <see langword="null"/> if it did not say. Negative values are kept as zero.</summary>
    public TimeSpan? RetryAfter
    {
        get => _retryAfterPlusOne == 0 ? null : new TimeSpan(_retryAfterPlusOne - 1);
        init => _retryAfterPlusOne = value is { } delay ? Math.Clamp(delay.Ticks, 0, long.MaxValue - 1) + 1 : 0;
    }

    /// <summary>Whether another attempt of a single call can help: the strategy is a retry, or a batch reduction (which a call alone can only retry).</summary>
    public bool IsRetryable => Strategy is RecoveryStrategy.RetryWithBackoff or RecoveryStrategy.StandardRetry or RecoveryStrategy.ReduceBatch;

    /// <summary>The defaults of a category.</summary>
    /// <param name="category">The category.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="category"/> is not a named value.</exception>
    public static ErrorClassification For(ErrorCategory category) => category switch
    {
        ErrorCategory.Unknown => Unknown,
        ErrorCategory.Transient => Transient,
        ErrorCategory.Throttled => Throttled,
        ErrorCategory.Resource => Resource,
        ErrorCategory.DataQuality => DataQuality,
        ErrorCategory.Schema => Schema,
        ErrorCategory.BusinessRule => BusinessRule,
        ErrorCategory.Permanent => Permanent,
        ErrorCategory.Defect => Defect,
        ErrorCategory.Cancelled => Cancelled,
        _ => throw new ArgumentOutOfRangeException(nameof(category), category, "Not a named error category."),
    };
}
