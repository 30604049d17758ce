using System.Diagnostics;

namespace PipelineOps;

/// <summary>A record that failed, for the recovery that decides on it.</summary>
public abstract class RecoveryContext
{
    private bool _triedAgain;

    private protected RecoveryContext(string pipeline, string stage, object? record, int batchSize, TimeProvider timeProvider)
    {
        Pipeline = pipeline;
        Stage = stage;
        Record = record;
        BatchSize = batchSize;
        TimeProvider = timeProvider;
    }

    /// <summary>The pipeline's name.</summary>
    public string Pipeline { get; }

    /// <summary>The stage's name.</summary>
    public string Stage { get; }

    /// <summary>The record; a value type is boxed.</summary>
    public object? Record { get; private protected set; }

    /// <summary>What the last attempt threw; <see langword="null"/> for a failure by result.</summary>
    public Exception? Error { get; private protected set; }

    /// <summary>What the failure means.</summary>
    public ErrorClassification Classification { get; private protected set; }

    /// <summary>The strategy that the recovery stands for: the classification's first, or the one that follows.</summary>
    public RecoveryStrategy Strategy { get; internal set; }

    /// <summary>The attempts that failed, in their order.</summary>
    public IReadOnlyList<FailureAttempt> Attempts { get; private protected set; } = [];

    /// <summary>How many records the failed call had; 1 for a record alone.</summary>
    public int BatchSize { get; }

    /// <summary>The stage's clock.</summary>
    public TimeProvider TimeProvider { get; }

    /// <summary>Why a record that is set aside now is: its deadline passed, its retries are spent, or it fails by itself.</summary>
    public abstract DispositionReason Reason { get; }

    /// <summary>
    /// Replaces the fingerprint under which the failure is grouped, if the record is kept: schema evolution groups by the difference of the schemas.
    /// </summary>
    /// <value><see langword="null"/> (the default) for the fingerprint of the exceptions.</value>
    public string? Fingerprint { get; set; }

    /// <summary>What the recovery itself ran into, if it did: kept with the failure, beside the record's own error, and logged.</summary>
    /// <value><see langword="null"/> (the default) if it ran into nothing; what a recovery throws if it throws.</value>
    public Exception? RecoveryError { get; set; }

    /// <summary>The span of the call in which the record failed; the default if there is none.</summary>
    internal ActivityContext Span { get; private protected set; }

    /// <summary>Processes the record, or an adapted one, once more: one call without retries.</summary>
    /// <param name="record">The record to process; of the type of <see cref="Record"/>.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Whether that succeeded. If not, the context tells of the new failure; of none if the stage refused the call.</returns>
    /// <exception cref="ArgumentException">The record is of another type.</exception>
    /// <exception cref="InvalidOperationException">The record was tried again already.</exception>
    public ValueTask<bool> TryAgainAsync(object? record, CancellationToken cancellationToken)
    {
        if (_triedAgain)
            throw new InvalidOperationException($"A record of stage {Pipeline}/{Stage} was tried again already; a recovery may do that once.");

        _triedAgain = true;
        return TryOnceMoreAsync(record, cancellationToken);
    }

    private protected abstract ValueTask<bool> TryOnceMoreAsync(object? record, CancellationToken cancellationToken);
}
