using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>
/// The tickets of parked records: lists those that wait for a person, keeps what is decided, and goes on with the decided ones. A ticket is a parked failure
/// in the store, and so outlives the process.
/// </summary>
public sealed class ManualIntervention
{
    private readonly IFailureStore _store;
    private readonly TimeProvider _timeProvider;

    /// <summary>Opens the tickets of a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="timeProvider">The clock; <see langword="null"/> for the system's.</param>
    public ManualIntervention(IFailureStore store, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _timeProvider = timeProvider ?? TimeProvider.System;
    }

    /// <summary>Reads the tickets on which nobody has decided yet, the oldest first.</summary>
    /// <param name="filter">Which ones; <see langword="null"/> for all. Its disposition and its status do not matter.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public async IAsyncEnumerable<StoredFailure> ReadOpenAsync(
        FailureFilter? filter = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        filter = (filter ?? FailureFilter.All) with { Disposition = Disposition.Parked, Status = FailureStatus.Open };
        await foreach (StoredFailure ticket in _store.ReadAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (ticket.Decision is null)
                yield return ticket;
        }
    }

    /// <summary>Decides that the record is right as it is: <see cref="ResumeAsync"/> goes on with it in spite of the rule that it broke.</summary>
    /// <param name="id">The ticket: the failure's id.</param>
    /// <param name="actor">Who decides.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cancellationToken">Stops the waiting; whether the decision is then kept is unknown.</param>
    /// <returns>Whether the decision holds: <see langword="false"/> if there is no such ticket, or somebody has decided already.</returns>
    /// <exception cref="ArgumentException">The actor or the reason is empty.</exception>
    public ValueTask<bool> ApproveAsync(Guid id, string actor, string reason, CancellationToken cancellationToken = default) =>
        DecideAsync(id, FailureDecisionKind.Approve, actor, reason, cancellationToken);

    /// <summary>Decides that the cause is mended: <see cref="ResumeAsync"/>, or a redrive, processes the record again.</summary>
    /// <inheritdoc cref="ApproveAsync"/>
    public ValueTask<bool> RetryAsync(Guid id, string actor, string reason, CancellationToken cancellationToken = default) =>
        DecideAsync(id, FailureDecisionKind.Retry, actor, reason, cancellationToken);

    /// <summary>Decides to leave the record out. It is discarded at once, and nothing resumes it.</summary>
    /// <inheritdoc cref="ApproveAsync"/>
    public ValueTask<bool> SkipAsync(Guid id, string actor, string reason, CancellationToken cancellationToken = default) =>
        DecideAsync(id, FailureDecisionKind.Skip, actor, reason, cancellationToken);

    /// <summary>
    /// Goes on with the tickets that were approved or are to be retried. Each is handed over exactly once, however many resume at the same time or
    /// afterwards; except that a ticket whose resumption throws or is cut off by a crash is offered again, after a crash when its lease has ended, with the
    /// same id.
    /// </summary>
    /// <param name="resume">
    /// Processes the record; <see cref="StoredFailure.Decision"/> says what was decided. If it throws, the ticket stays, and the others are gone on with,
    /// until ten in a row have thrown.
    /// </param>
    /// <param name="filter">Which tickets; <see langword="null"/> for all. Its disposition and its status do not matter.</param>
    /// <param name="lease">How long a crash keeps a ticket from being offered again, at least twice as long as one takes; from 1 s to 1 day, by default 5 min.</param>
    /// <param name="cancellationToken">Stops it; tickets that were not handed over stay.</param>
    /// <returns>How many tickets were resumed (<see cref="RedriveSummary.Redriven"/>), and how many threw what.</returns>
    /// <exception cref="InvalidOptionsException">The lease is out of range.</exception>
    /// <exception cref="OperationCanceledException">It was stopped. Tickets that were handed over until then are marked in the store.</exception>
    public ValueTask<RedriveSummary> ResumeAsync(
        Func<StoredFailure, CancellationToken, ValueTask> resume,
        FailureFilter? filter = null,
        TimeSpan? lease = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(resume);
        var options = new RedriveOptions
        {
            Filter = (filter ?? FailureFilter.All) with { Disposition = Disposition.Parked, Status = null },
            MaxRedrives = int.MaxValue,
            Actor = "resume",
        };
        options.Lease = lease ?? options.Lease;
        options.Validate();
        return new RedriveRun(_store, options, resumes: true, _timeProvider).SendAsync(
            async (ticket, token) =>
            {
                await resume(ticket, token).ConfigureAwait(false);
                return RedriveOutcome.Redriven;
            },
            cancellationToken);
    }

    private ValueTask<bool> DecideAsync(Guid id, FailureDecisionKind kind, string actor, string reason, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(actor);
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        return _store.DecideAsync(id, new FailureDecision(kind, actor, reason, _timeProvider.GetUtcNow()), cancellationToken);
    }
}
