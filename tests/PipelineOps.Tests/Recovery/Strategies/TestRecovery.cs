namespace PipelineOps.Tests.Recovery.Strategies;

/// <summary>A recovery that does what a test asks for.</summary>
internal sealed class TestRecovery(Func<RecoveryContext, CancellationToken, ValueTask<RecoveryOutcome>> recover) : IRecovery
{
    public TestRecovery(RecoveryOutcome outcome) : this((_, _) => new(outcome))
    {
    }

    public ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken) => recover(context, cancellationToken);
}
