using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>The time and the span of the attempts of one call, one after the other. Reads the clock only for somebody who wants to know.</summary>
internal struct AttemptClock(long firstBegan)
{
    private long _began = firstBegan;
    private Activity? _span;
    private TimeSpan _delay;

    /// <summary>When the last attempt ended; 0 if nobody wanted to know.</summary>
    public long Ended { get; private set; }

    /// <summary>How long the last attempt took, for a circuit that counts slow calls.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>Another attempt begins now; <paramref name="delay"/> was before it.</summary>
    public void Begin(StagePolicy policy, in CallProgress progress, TimeSpan delay)
    {
        if (IsWanted(in progress))
            BeginWanted(policy, in progress, delay);
    }

    public void Stop(StagePolicy policy, in CallProgress progress)
    {
        Ended = 0;
        if (IsWanted(in progress))
            StopWanted(policy, in progress);
    }

    public void Succeed(StagePolicy policy, in CallProgress progress)
    {
        if (progress.IsMetered)
            policy.Metrics.AttemptSucceeded(Ended - _began);

        if (_span is { } span)
        {
            _span = null;
            policy.Telemetry.Spans.EndAttempt(progress.Span!, span, Ended - progress.StartTimestamp);
        }
    }

    public void Fail(StagePolicy policy, in CallProgress progress, in AttemptFailure failure)
    {
        if (progress.IsMetered)
            policy.Metrics.AttemptFailed(Ended - _began, failure.ErrorType);

        if (_span is { } span)
        {
            _span = null;
            policy.Telemetry.Spans.EndAttempt(progress.Span!, span, Ended - progress.StartTimestamp, in failure);
        }
    }

    /// <summary>There will be a second attempt: the first one, which has ended, gets its span too.</summary>
    public readonly void TellAfterwards(StagePolicy policy, in CallProgress progress, in AttemptFailure failure)
    {
        if (progress is { Span: { } call, Attempts: 1 } && policy.Telemetry.Spans is { Attempts: AttemptSpans.WhenRetried } spans
            && spans.StartAttempt(call, 1, _delay, _began - progress.StartTimestamp) is { } span)
        {
            spans.EndAttempt(call, span, Ended - progress.StartTimestamp, in failure);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsWanted(in CallProgress progress) => progress.IsMetered || progress.Span is not null || progress.Permit.WantsDuration;

    // Apart, so that what is asked for every attempt is small enough to be inlined.
    private void BeginWanted(StagePolicy policy, in CallProgress progress, TimeSpan delay)
    {
        _began = policy.TimeProvider.GetTimestamp();
        _delay = delay;
        AttemptSpans spans = policy.Telemetry.Spans.Attempts;
        if (progress.Span is { } call && (spans == AttemptSpans.Always || (spans == AttemptSpans.WhenRetried && progress.Attempts > 1)))
            _span = policy.Telemetry.Spans.StartAttempt(call, progress.Attempts, delay, _began - progress.StartTimestamp);
    }

    private void StopWanted(StagePolicy policy, in CallProgress progress)
    {
        Ended = policy.TimeProvider.GetTimestamp();
        if (progress.Permit.WantsDuration)
            Duration = policy.Telemetry.ToTimeSpan(Ended - _began);
    }
}
