namespace PipelineOps;

/// <summary>
/// The right to make one call, from <see cref="CircuitBreaker.TryAcquire"/>. Report the call's outcome once, by one of the three methods. The
/// permit belongs to the period of the circuit in which it was admitted: an outcome that comes after the next change of state is dropped. The
/// default value is valid and does nothing.
/// </summary>
public readonly struct CircuitPermit
{
    private readonly IOutcomeRecorder? _recorder;

    internal CircuitPermit(IOutcomeRecorder recorder) => _recorder = recorder;

    /// <summary>Whether a duration passed to <see cref="Success"/> or <see cref="Failure"/> is looked at, so that a caller can spare itself the clock.</summary>
    internal bool WantsDuration => _recorder is ClosedEra closed ? closed.WantsDuration : _recorder is { WantsDuration: true };

    /// <summary>The call succeeded.</summary>
    /// <param name="duration">How long it took; needed only while <see cref="CircuitBreakerOptions.SlowCallRatio"/> is set.</param>
    public void Success(TimeSpan duration = default)
    {
        // The exact type first: nearly every call is admitted by a closed circuit, and this spares it the interface dispatch.
        if (_recorder is ClosedEra closed)
            closed.Success(duration);
        else
            _recorder?.Success(duration);
    }

    /// <summary>The call failed in a way that tells something about the dependency.</summary>
    /// <param name="duration">How long it took; needed only while <see cref="CircuitBreakerOptions.SlowCallRatio"/> is set.</param>
    public void Failure(TimeSpan duration = default) => _recorder?.Failure(duration);

    /// <summary>The call ended in a way that tells nothing about the dependency: cancelled by its caller, or a fault of the record. It is not counted; a probe gives its place back.</summary>
    public void Neutral() => _recorder?.Neutral();
}
