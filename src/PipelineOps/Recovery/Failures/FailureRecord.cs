namespace PipelineOps;

/// <summary>Everything that is kept of a record which did not succeed: enough to understand the failure, and to process the record again.</summary>
/// <remarks>Immutable. <see cref="FailureJson"/> turns it into JSON and back, <see cref="FailureCloudEvent"/> into a CloudEvents envelope.</remarks>
public sealed record FailureRecord
{
    /// <summary>
    /// Identifies the failure, and is the idempotency key of whatever is done with it. The same for every copy of one failure: when a crash makes a
    /// source deliver a record again, its failure has the same id if the <see cref="SourcePosition"/> and the <see cref="RecordKey"/> are known, or one of
    /// them together with the record's time or its bytes.
    /// </summary>
    /// <remarks>
    /// A UUID of <see href="https://www.rfc-editor.org/rfc/rfc9562">RFC 9562</see>: version 7 with the record's time, the first failure's for a redrive, or the
    /// present for an id that is random; version 8 for a record that is known, but not its time.
    /// </remarks>
    public required Guid Id { get; init; }

    /// <summary>The failure whose redrive this one is; <see langword="null"/> for a first failure.</summary>
    public Guid? ParentId { get; init; }

    /// <summary>How often the record was redriven before it failed this time.</summary>
    public int RedriveCount { get; init; }

    /// <summary>
    /// The same for failures of one kind: made of the stage, the category, the types of the exceptions and the program's topmost frames, without messages. 16
    /// hexadecimal digits, unless a recovery gave another.
    /// </summary>
    public required string Fingerprint { get; init; }

    /// <summary>The pipeline's name.</summary>
    public required string Pipeline { get; init; }

    /// <summary>The stage's name.</summary>
    public required string Stage { get; init; }

    /// <summary>The run's id, if the record was processed in one.</summary>
    public string? Run { get; init; }

    /// <summary>Where the record ended.</summary>
    public required Disposition Disposition { get; init; }

    /// <summary>Why it ended there.</summary>
    public required DispositionReason Reason { get; init; }

    /// <summary>What the error means.</summary>
    public required ErrorCategory Category { get; init; }

    /// <summary>The strategy that decided on the record.</summary>
    public required RecoveryStrategy Strategy { get; init; }

    /// <summary>How loudly the failure is reported, escalation included.</summary>
    public required ErrorSeverity Severity { get; init; }

    /// <summary>The chain of exceptions, the outermost first; the first 32 of a longer one; empty for a failure by result.</summary>
    public IReadOnlyList<FailureCause> Exceptions { get; init; } = [];

    /// <summary>The stack of the outermost exception.</summary>
    public string? Stack { get; init; }

    /// <summary>What identifies the record in its own world, as a primary key does.</summary>
    public string? RecordKey { get; init; }

    /// <summary>Where the record stands in its source, such as <c>orders-3@12345</c> or a file and a line.</summary>
    public string? SourcePosition { get; init; }

    /// <summary>The record's bytes; <see langword="null"/> if nothing is kept of them.</summary>
    public FailurePayload? Payload { get; init; }

    /// <summary>The headers that came with the record.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Every attempt that failed, those before a redrive included.</summary>
    public IReadOnlyList<FailureAttempt> Attempts { get; init; } = [];

    /// <summary>When the first attempt failed; in UTC.</summary>
    public required DateTimeOffset FirstFailedAt { get; init; }

    /// <summary>When the last attempt failed; in UTC.</summary>
    public required DateTimeOffset LastFailedAt { get; init; }

    /// <summary>The machine.</summary>
    public required string Host { get; init; }

    /// <summary>The process: its program's name and its id, as in <c>ingest/4711</c>.</summary>
    public required string Process { get; init; }

    /// <summary>The version of the program that processed the record.</summary>
    public string? Version { get; init; }

    /// <summary>The W3C <c>traceparent</c> that came with the record; without one that of the activity in which it failed.</summary>
    public string? TraceParent { get; init; }
}
