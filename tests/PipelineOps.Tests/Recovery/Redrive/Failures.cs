namespace PipelineOps.Tests.Recovery.Redrive;

/// <summary>Failures for a store.</summary>
internal static class Failures
{
    public static FailureRecord New(
        Disposition disposition = Disposition.DeadLettered, string stage = "load", int redriveCount = 0, Guid? parentId = null) => new()
        {
            Id = Guid.NewGuid(),
            ParentId = parentId,
            RedriveCount = redriveCount,
            Fingerprint = "f",
            Pipeline = "orders",
            Stage = stage,
            Disposition = disposition,
            Reason = DispositionReason.Exhausted,
            Category = ErrorCategory.Transient,
            Strategy = RecoveryStrategy.DeadLetter,
            Severity = ErrorSeverity.Medium,
            FirstFailedAt = DateTimeOffset.UnixEpoch,
            LastFailedAt = DateTimeOffset.UnixEpoch,
            Host = "host",
            Process = "process/1",
        };

    public static FailureRecord[] Many(int count, Func<int, FailureRecord>? make = null) => [.. Enumerable.Range(0, count).Select(i => make?.Invoke(i) ?? New())];
}
