namespace PipelineOps;

/// <summary>
/// Sets a record aside that is too large alone, once its batch has been reduced to it: waiting makes no record smaller. Any other failure is the next
/// strategy's, since batches are reduced before a recovery is asked.
/// </summary>
internal sealed class ReduceBatchRecovery : IRecovery
{
    public ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken) =>
        new(context is { BatchSize: 1, Reason: DispositionReason.Oversized }
            ? RecoveryOutcome.Keep(Disposition.Quarantined, DispositionReason.Oversized, NextAction.Continue)
            : RecoveryOutcome.Escalate);
}
