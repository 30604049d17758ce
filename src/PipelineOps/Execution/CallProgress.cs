using System.Diagnostics;

namespace PipelineOps;

/// <summary>What the executor keeps of a call in flight, besides its delegate.</summary>
internal struct CallProgress
{
    /// <summary>The call's span, which is started where the call's execution context can be given back; <see langword="null"/> if nobody wants it.</summary>
    public Activity? Span;

    public CircuitPermit Permit;
    public CancellationLease Lease;

    /// <summary>Attempts begun so far.</summary>
    public int Attempts;

    /// <summary>Whether a slot of the concurrency limiter is held.</summary>
    public bool HoldsSlot;

    /// <summary>Whether somebody wants to know how long the call takes, so that the precise clock was read at its start.</summary>
    public bool IsTimed;

    /// <summary>Whether somebody listened to the stage's measurements when the call began.</summary>
    public bool IsMetered;

    /// <summary>Whether the call was counted where it began, and so must be where it ends.</summary>
    public bool IsCounted;

    public long StartTimestamp;

    /// <summary>Only kept where there is a total timeout.</summary>
    public long StartMilliseconds;

    /// <summary>What is left of the total timeout; never negative; <see cref="TimeSpan.MaxValue"/> without one.</summary>
    public readonly TimeSpan Remaining(StagePolicy policy)
    {
        if (policy.TotalTimeout == TimeSpan.Zero)
            return TimeSpan.MaxValue;

        TimeSpan remaining = policy.TotalTimeout - TimeSpan.FromMilliseconds(policy.Clock.Milliseconds - StartMilliseconds);
        return remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero;
    }

    /// <summary>Arms the sooner of the two deadlines, and answers the token to give to the delegate.</summary>
    public CancellationToken Arm(StagePolicy policy, TimeSpan remaining, CancellationToken callerToken)
    {
        if (!policy.HasDeadline)
            return callerToken;

        bool attemptIsSooner = policy.AttemptTimeout > TimeSpan.Zero && policy.AttemptTimeout <= remaining;
        return Lease.Arm(
            policy.TimeProvider,
            attemptIsSooner ? policy.AttemptTimeout : remaining,
            attemptIsSooner ? StageTimeoutKind.Attempt : StageTimeoutKind.Total,
            callerToken);
    }
}
