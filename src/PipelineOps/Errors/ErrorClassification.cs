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
    // Everything in one word, which travels in a register: classifications are made, copied and compared on every failed attempt.
    // From the lowest bit: category, strategy, strategy that follows, severity, circuit, and one millisecond more than the retry-after, 0 for none.
    private const int CategoryBits = 5;
    private const int StrategyBits = 4;
    private const int SeverityBits = 3;
    private const int CircuitBits = 2;
    private const int StrategyShift = CategoryBits;
    private const int ThenShift = StrategyShift + StrategyBits;
    private const int SeverityShift = ThenShift + StrategyBits;
    private const int CircuitShift = SeverityShift + SeverityBits;
    private const int RetryAfterShift = CircuitShift + CircuitBits;
    private const int RetryAfterBits = 64 - RetryAfterShift;

    private readonly ulong _word;

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
    public ErrorCategory Category
    {
        get => (ErrorCategory)Get(0, CategoryBits);
        init => _word = Set(0, CategoryBits, (ulong)value);
    }

    /// <summary>What is done first.</summary>
    public RecoveryStrategy Strategy
    {
        get => (RecoveryStrategy)Get(StrategyShift, StrategyBits);
        init => _word = Set(StrategyShift, StrategyBits, (ulong)value);
    }

    /// <summary>What is done when <see cref="Strategy"/> is spent; equal to it where nothing follows.</summary>
    public RecoveryStrategy ThenStrategy
    {
        get => (RecoveryStrategy)Get(ThenShift, StrategyBits);
        init => _word = Set(ThenShift, StrategyBits, (ulong)value);
    }

    /// <summary>How loudly it is reported.</summary>
    public ErrorSeverity Severity
    {
        get => (ErrorSeverity)Get(SeverityShift, SeverityBits);
        init => _word = Set(SeverityShift, SeverityBits, (ulong)value);
    }

    /// <summary>What a circuit breaker makes of it.</summary>
    public CircuitEffect Circuit
    {
        get => (CircuitEffect)Get(CircuitShift, CircuitBits);
        init => _word = Set(CircuitShift, CircuitBits, (ulong)value);
    }

    /// <summary>
    /// How long the dependency asked to be left alone, or <see langword="null"/> if it did not say. Kept in whole milliseconds, rounded up; negative
    /// values are kept as zero, and those beyond 2,000 years as 2,000 years.
    /// </summary>
    public TimeSpan? RetryAfter
    {
        get => _word >> RetryAfterShift is > 0 and var word ? new TimeSpan((long)(word - 1) * TimeSpan.TicksPerMillisecond) : null;
        init => _word = Set(RetryAfterShift, RetryAfterBits, value is { } delay ? ToMilliseconds(delay) + 1 : 0);
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

    private static ulong ToMilliseconds(TimeSpan delay)
    {
        const long Longest = 2_000L * 365 * 24 * 60 * 60 * 1_000;
        return delay <= TimeSpan.Zero ? 0 : (ulong)Math.Min(Longest, (delay.Ticks - 1) / TimeSpan.TicksPerMillisecond + 1);
    }

    private ulong Get(int shift, int bits) => (_word >> shift) & ((1UL << bits) - 1);

    private ulong Set(int shift, int bits, ulong value)
    {
        ulong mask = (1UL << bits) - 1;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, mask);
        return (_word & ~(mask << shift)) | (value << shift);
    }
}
