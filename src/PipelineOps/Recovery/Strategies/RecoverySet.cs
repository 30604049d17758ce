namespace PipelineOps;

/// <summary>A stage's recoveries: the user's where there is one, otherwise the default.</summary>
internal sealed class RecoverySet
{
    private static readonly Dictionary<RecoveryStrategy, IRecovery> Defaults = new()
    {
        [RecoveryStrategy.RetryWithBackoff] = new EscalateRecovery(),
        [RecoveryStrategy.StandardRetry] = new EscalateRecovery(),
        [RecoveryStrategy.ReduceBatch] = new ReduceBatchRecovery(),
        [RecoveryStrategy.Quarantine] = new QuarantineRecovery(),
        [RecoveryStrategy.EvolveSchema] = new EscalateRecovery(),
        [RecoveryStrategy.ManualIntervention] = new ManualInterventionRecovery(),
        [RecoveryStrategy.DeadLetter] = new DeadLetterRecovery(),
    };

    private readonly Dictionary<RecoveryStrategy, IRecovery> _recoveries = new(Defaults);

    /// <summary>Takes over what the options hold now: later changes of them do not reach the stage.</summary>
    public RecoverySet(IReadOnlyDictionary<RecoveryStrategy, IRecovery> replaced)
    {
        foreach ((RecoveryStrategy strategy, IRecovery recovery) in replaced)
            _recoveries[strategy] = recovery;
    }

    /// <summary>The recovery of any strategy but <see cref="RecoveryStrategy.Propagate"/>, which has none: the failure is the run's.</summary>
    public IRecovery this[RecoveryStrategy strategy] => _recoveries[strategy];
}
