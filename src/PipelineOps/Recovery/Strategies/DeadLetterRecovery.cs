namespace PipelineOps;

/// <summary>Keeps the record for a redrive.</summary>
internal sealed class DeadLetterRecovery : IRecovery
{
    public ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken) =>
        new(RecoveryOutcome.Keep(Disposition.DeadLettered, context.Reason, NextAction.Continue));
}
