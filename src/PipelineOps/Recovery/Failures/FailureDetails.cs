using System.Diagnostics;

namespace PipelineOps;

/// <summary>What a stage knows of a record that it keeps, beside the record itself.</summary>
internal readonly record struct FailureDetails
{
    /// <summary>What identifies the record, if its description does not say so.</summary>
    public string? Key { get; init; }

    /// <summary>What the last attempt threw; <see langword="null"/> for a failure by result.</summary>
    public Exception? Error { get; init; }

    public ErrorClassification Classification { get; init; }

    public RecoveryStrategy Strategy { get; init; }

    public Disposition Disposition { get; init; }

    public DispositionReason Reason { get; init; }

    public ErrorSeverity Severity { get; init; }

    /// <summary>The attempts since the record was read or redriven.</summary>
    public IReadOnlyList<FailureAttempt> Attempts { get; init; }

    public string? Run { get; init; }

    /// <summary>Replaces the fingerprint of the exceptions.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The failure that was redriven.</summary>
    public FailureRecord? Parent { get; init; }

    /// <summary>The span of the call in which the record failed; the default if there is none.</summary>
    public ActivityContext Span { get; init; }

    public DateTimeOffset Now { get; init; }
}
