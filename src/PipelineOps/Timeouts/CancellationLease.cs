namespace PipelineOps;

/// <summary>A cancellation token for one attempt or wait: cancelled by the caller's token or by a deadline, whichever comes first.</summary>
#pragma warning disable CA1001 // The rule does not see that a struct is disposable.
internal struct CancellationLease : IDisposable
#pragma warning restore CA1001
{
    private DeadlineSource? _source;
    private CancellationTokenRegistration _caller;

    /// <summary>Which deadline this lease stands for.</summary>
    public StageTimeoutKind Kind { get; private set; }

    /// <summary>Whether the deadline has passed and cancelled the token.</summary>
    public readonly bool HasFired => _source is { HasFired: true };

    public CancellationToken Arm(TimeProvider timeProvider, TimeSpan timeout, StageTimeoutKind kind, CancellationToken callerToken)
    {
        Kind = kind;
        _source = DeadlineSource.Rent(timeProvider);
        _source.Arm(timeout);
        if (callerToken.CanBeCanceled)
            _caller = callerToken.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source.Source);

        return _source.Source.Token;
    }

    /// <summary>Arms what is left of a total timeout; <see cref="TimeSpan.MaxValue"/> arms nothing and answers the caller's token.</summary>
    public CancellationToken ArmTotal(TimeProvider timeProvider, TimeSpan remaining, CancellationToken callerToken) =>
        remaining == TimeSpan.MaxValue ? callerToken : Arm(timeProvider, remaining, StageTimeoutKind.Total, callerToken);

    /// <summary>Gives the source back; once for each arming.</summary>
    public readonly void Dispose()
    {
        if (_source is null)
            return;

        _caller.Dispose();
        _source.Return();
    }
}
