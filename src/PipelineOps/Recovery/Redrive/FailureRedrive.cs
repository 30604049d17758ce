namespace PipelineOps;

/// <summary>Feeds stored failures back. Thread-safe; of redrives that run at the same time, in one process or several, each sends other failures.</summary>
/// <remarks>
/// At least once: a failure is marked after it was sent, so when the process crashes in between, the failure is claimed until its lease ends and is then
/// sent again, with the same <see cref="FailureRecord.Id"/>. Whoever receives it can tell by that. Nothing is lost.
/// </remarks>
public sealed class FailureRedrive
{
    private readonly IFailureStore _store;
    private readonly TimeProvider _timeProvider;

    /// <summary>Makes a redrive of a store's failures.</summary>
    /// <param name="store">The store.</param>
    /// <param name="timeProvider">The clock; <see langword="null"/> for the system's.</param>
    public FailureRedrive(IFailureStore store, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _timeProvider = timeProvider ?? TimeProvider.System;
    }

    /// <summary>
    /// Sends open failures, one after the other and the oldest first, each at most once: neither what it leaves nor what fails anew is sent again by the same
    /// run. Of parked failures only those that a person has decided to retry.
    /// </summary>
    /// <param name="options">Which ones, and how fast.</param>
    /// <param name="process">
    /// Processes the record again and says what became of it. If it throws, the failure stays open and the run goes on, unless too many in a row throw.
    /// </param>
    /// <param name="cancellationToken">Stops the run; what is claimed is given back.</param>
    /// <exception cref="InvalidOptionsException">An option is out of range; lists them all.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped. What was sent until then is marked in the store.</exception>
    /// <exception cref="Exception">What the store threw. What was sent and could not be marked is sent again once its lease has ended.</exception>
    public ValueTask<RedriveSummary> RunAsync(
        RedriveOptions options, Func<FailureRecord, CancellationToken, ValueTask<RedriveOutcome>> process, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(process);
        options = options.Copy();
        options.Validate();
        var run = new RedriveRun(_store, options, resumes: false, _timeProvider);
        return options.DryRun ? run.PlanAsync(cancellationToken) : run.SendAsync((failure, token) => process(failure.Record, token), cancellationToken);
    }

    /// <summary>Discards open failures, whatever they are; those that somebody has claimed stay.</summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="actor">Who discards them; kept with each.</param>
    /// <param name="reason">Why; kept with each.</param>
    /// <param name="cancellationToken">Stops it; what is discarded stays so.</param>
    /// <returns>How many were discarded.</returns>
    /// <exception cref="ArgumentException">The actor or the reason is empty.</exception>
    public async ValueTask<int> DiscardAsync(FailureFilter filter, string actor, string reason, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentException.ThrowIfNullOrWhiteSpace(actor);
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);

        // Read to the end before the first is discarded: a store need not stand being changed while it is read.
        List<Guid> ids = [];
        await foreach (StoredFailure failure in _store.ReadAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (failure.Status == FailureStatus.Open)
                ids.Add(failure.Record.Id);
        }

        int discarded = 0;
        foreach (Guid id in ids)
        {
            var resolution = new FailureResolution(FailureStatus.Discarded, actor, _timeProvider.GetUtcNow(), reason);
            if (await _store.ResolveAsync(id, owner: null, resolution, cancellationToken).ConfigureAwait(false))
                discarded++;
        }

        return discarded;
    }
}
