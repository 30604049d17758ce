namespace PipelineOps;

/// <summary>What the log tells of a record that is kept.</summary>
internal readonly record struct KeptRecord
{
    public required string? Run { get; init; }

    public required string? RecordKey { get; init; }

    public required string? SourcePosition { get; init; }

    public required string Disposition { get; init; }

    public required string Reason { get; init; }

    public required ErrorCategory Category { get; init; }

    public required ErrorSeverity Severity { get; init; }

    public required Guid FailureId { get; init; }

    public required string Fingerprint { get; init; }

    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>Whether the payload is the beginning of a longer one, so that it may end within a character.</summary>
    public required bool IsPayloadCut { get; init; }

    public required Exception? Error { get; init; }
}
