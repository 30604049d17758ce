namespace PipelineOps;

/// <summary>Parks the record until a person decides.</summary>
internal sealed class ManualInterventionRecovery : IRecovery
{
    public ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken) =>
        new(RecoveryOutcome.Keep(Disposition.Parked, DispositionReason.Manual, NextAction.Park));
}
