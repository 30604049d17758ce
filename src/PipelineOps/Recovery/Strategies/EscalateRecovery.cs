namespace PipelineOps;

/// <summary>
/// Leaves the record to the next strategy: for the retries, which the call has made already, and for schema evolution as long as nobody has said which
/// schema is expected.
/// </summary>
internal sealed class EscalateRecovery : IRecovery
{
    public ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken) => new(RecoveryOutcome.Escalate);
}
