namespace PipelineOps;

/// <summary>
/// What is done about a record that failed, for one <see cref="RecoveryStrategy"/>. A stage has one for each; implement it and give it to
/// <see cref="RecoveryOptions.Use"/> to replace that.
/// </summary>
public interface IRecovery
{
    /// <summary>Decides on a record whose call has failed, retries included.</summary>
    /// <param name="context">The record and its failure.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <returns>What becomes of the record. If this throws, the record is dead-lettered.</returns>
    ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken);
}
