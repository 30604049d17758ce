namespace PipelineOps;

/// <summary>Sets the record aside as bad.</summary>
internal sealed class QuarantineRecovery : IRecovery
{
    public ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken) =>
        new(RecoveryOutcome.Keep(Disposition.Quarantined, context.Reason, NextAction.Continue));
}
