namespace PipelineOps;

/// <summary>A cancellation token for one attempt or wait: cancelled by the caller's token or by a deadline, whichever comes first.</summary>
#pragma warning disable CA1001 // The rule does not see that a struct is disposable.
internal struct CancellationLease : IDisposable
#pragma warning restore CA1001
{
    private DeadlineSource? _source;
    private CancellationTokenRegistration _caller;

    /// <summary>The deadline that has passed and cancelled the token, if one has.</summary>
    public readonly StageTimeoutKind? FiredDeadline => _source is { HasFired: true } ? _source.Kind : null;

    public CancellationToken Arm(TimeProvider timeProvider, TimeSpan timeout, StageTimeoutKind kind, CancellationToken callerToken)
    {
        _source = DeadlineSource.Rent(timeProvider);
        _source.Arm(timeout, kind);
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
