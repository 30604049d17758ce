using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>
/// Stops calls to a dependency that keeps failing, and lets a few through from time to time to see whether it is back. Safe for use by many
/// threads; no call takes a lock.
/// </summary>
public sealed class CircuitBreaker
{
    private readonly TimeProvider _timeProvider;
    private readonly Func<double> _random;
    private readonly TransitionPublisher _publisher;
    private CircuitRules _rules;
    private volatile CircuitEra _era;
    private TaskCompletionSource? _change;

    /// <summary>Creates a closed circuit.</summary>
    /// <param name="options">When it opens and closes; the defaults when <see langword="null"/>. Copied: later changes have no effect, see <see cref="Reconfigure"/>.</param>
    /// <param name="timeProvider">The clock and its timers; the system's when <see langword="null"/>.</param>
    /// <param name="random">Where <see cref="CircuitBreakerOptions.BreakJitter"/> comes from: numbers of at least 0 and below 1; <see cref="Random.Shared"/> when <see langword="null"/>.</param>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public CircuitBreaker(CircuitBreakerOptions? options = null, TimeProvider? timeProvider = null, Func<double>? random = null)
    {
        _rules = new CircuitRules(options ?? new CircuitBreakerOptions());
        _timeProvider = timeProvider ?? TimeProvider.System;
        _random = random ?? Random.Shared.NextDouble;
        Clock = new CoarseClock(_timeProvider);
        _era = new ClosedEra(this, _rules);
        _publisher = new TransitionPublisher(_era);
    }

    /// <summary>Raised after each change of state, in order and one at a time, on the thread that noticed or caused it. What a listener throws is ignored.</summary>
    public event Action<CircuitTransition>? Transitioned
    {
        add => _publisher.Transitioned += value;
        remove => _publisher.Transitioned -= value;
    }

    /// <summary>The current state. An open circuit whose break is over stays <see cref="CircuitState.Open"/> until the next call.</summary>
    public CircuitState State => _era.State;

    /// <summary>
    /// How long until a call would be admitted: zero when that is now, never negative; of a half-open circuit with every probe taken, the time
    /// until the first of them loses its place; <see langword="null"/> when the circuit is isolated.
    /// </summary>
    public TimeSpan? RetryAfter => _era.RetryAfter;

    internal CoarseClock Clock { get; }

    /// <summary>Asks to make a call.</summary>
    /// <param name="permit">Where to report the call's outcome.</param>
    /// <returns>Whether the call may be made.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAcquire(out CircuitPermit permit)
    {
        // The exact type first, so that the usual case is inlined instead of dispatched.
        CircuitEra era = _era;
        return era is ClosedEra closed ? closed.TryAcquire(out permit) : era.TryAcquire(out permit);
    }

    /// <summary>
    /// Waits until a call would be admitted. It admits none itself: of several callers that wait for one probe all go on, and those that are then
    /// rejected may wait again.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask WaitUntilReadyAsync(CancellationToken cancellationToken = default)
    {
        while (!await WaitForChangeAsync(cancellationToken).ConfigureAwait(false))
        {
        }
    }

    /// <summary>Rejects every call until <see cref="Reset"/>.</summary>
    public void Isolate()
    {
        for (CircuitEra era = _era; era is not IsolatedEra; era = _era)
            TryTransition(era, new IsolatedEra(this, _rules), CircuitTransitionReason.Isolated);
    }

    /// <summary>Closes the circuit and forgets every outcome and break. A circuit that is closed stays so, with an empty window and without an event.</summary>
    public void Reset()
    {
        while (true)
        {
            CircuitEra era = _era;
            if (era is ClosedEra ? TryRenew(era) : TryTransition(era, new ClosedEra(this, _rules), CircuitTransitionReason.Reset))
                return;
        }
    }

    /// <summary>
    /// Replaces the options. A closed circuit starts over with an empty window, and the outcomes of calls admitted before are dropped. In
    /// every other state the circuit stays as it is and goes by the new options from its next change of state on. Raises no event.
    /// </summary>
    /// <param name="options">The new options; copied.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is <see langword="null"/>.</exception>
    /// <exception cref="InvalidOptionsException">An option is out of range; the circuit goes on by the old ones.</exception>
    public void Reconfigure(CircuitBreakerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Interlocked.Exchange(ref _rules, new CircuitRules(options));
        AdoptRules();
    }

    /// <summary>The circuit's state, the counts of its window, and its breaks and probes.</summary>
    public CircuitSnapshot GetSnapshot() => _era.Describe();

    internal void Open(CircuitEra from, CircuitTransitionReason reason)
    {
        // Calls admitted before the circuit opened may go on failing for long; none of them needs a break of its own.
        if (_era != from)
            return;

        CircuitRules rules = _rules;
        int breaksInARow = from.BreaksInARow + 1;
        TryTransition(from, new OpenEra(this, rules, breaksInARow, rules.DrawBreak(breaksInARow, _random)), reason);
    }

    internal void HalfOpen(OpenEra from) =>
        TryTransition(from, new HalfOpenEra(this, _rules, from.BreaksInARow), CircuitTransitionReason.BreakElapsed);

    internal void Close(HalfOpenEra from) =>
        TryTransition(from, new ClosedEra(this, _rules), CircuitTransitionReason.ProbesSucceeded);

    /// <summary>Waits until something has changed or is due to, so that whoever waits can think again.</summary>
    /// <returns>Whether a call would be admitted, so that there was nothing to wait for.</returns>
    internal async ValueTask<bool> WaitForChangeAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();

        // Listen first, then look: a change in between is not missed.
        Task change = NextChange();
        TimeSpan? delay = RetryAfter;
        if (delay == TimeSpan.Zero)
            return true;

        await change.WaitAsync(delay ?? Timeout.InfiniteTimeSpan, _timeProvider, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return false;
    }

    internal void WakeWaiters() => Interlocked.Exchange(ref _change, null)?.TrySetResult();

    private Task NextChange()
    {
        TaskCompletionSource? change = Volatile.Read(ref _change);
        if (change is null)
        {
            var created = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            change = Interlocked.CompareExchange(ref _change, created, null) ?? created;
        }

        return change.Task;
    }

    private bool TryTransition(CircuitEra from, CircuitEra to, CircuitTransitionReason reason)
    {
        to.Sequence = from.Sequence + 1;
        to.Transition = new CircuitTransition
        {
            From = from.State,
            To = to.State,
            Reason = reason,
            At = _timeProvider.GetUtcNow(),
            Sequence = to.Sequence,
            BreakDuration = (to as OpenEra)?.BreakDuration,
        };
        return TrySwap(from, to);
    }

    private bool TryRenew(CircuitEra closed) => TrySwap(closed, new ClosedEra(this, _rules) { Sequence = closed.Sequence });

    private bool TrySwap(CircuitEra from, CircuitEra to)
    {
        if (Interlocked.CompareExchange(ref _era, to, from) != from)
            return false;

        from.Next = to;
        WakeWaiters();
        AdoptRules();
        _publisher.Publish();
        return true;
    }

    // Called after the era and after the rules have changed: whichever of two threads comes last sees what the other did.
    private void AdoptRules()
    {
        CircuitEra era = _era;
        if (era is ClosedEra && era.Rules != _rules)
            TryRenew(era);
    }
}
