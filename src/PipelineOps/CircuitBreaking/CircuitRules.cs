namespace PipelineOps;

/// <summary>Validated options in the form in which the circuit applies them. A rule that is off never matches.</summary>
internal sealed class CircuitRules
{
    private readonly double _failureRatio;
    private readonly double _slowCallRatio;
    private readonly double _breakMilliseconds;
    private readonly double _breakGrowth;
    private readonly double _maxBreakMilliseconds;
    private readonly double _breakJitter;

    public CircuitRules(CircuitBreakerOptions options)
    {
        var problems = new OptionsProblems();
        options.Validate(problems, string.Empty);
        problems.ThrowIfAny();

        _failureRatio = options.FailureRatio;
        _slowCallRatio = options.SlowCallRatio ?? double.PositiveInfinity;
        _breakMilliseconds = options.BreakDuration.TotalMilliseconds;
        _breakGrowth = options.BreakGrowth;
        _maxBreakMilliseconds = options.MaxBreakDuration.TotalMilliseconds;
        _breakJitter = options.BreakJitter;
        Window = options.Window;
        WindowMilliseconds = (long)options.WindowDuration.TotalMilliseconds;
        WindowSize = options.WindowSize;
        MinimumThroughput = options.MinimumThroughput;
        CountsSlowCalls = options.SlowCallRatio is not null;
        SlowCallDuration = CountsSlowCalls ? options.SlowCallDuration : TimeSpan.MaxValue;
        CountsConsecutiveFailures = options.ConsecutiveFailures is not null;
        ConsecutiveFailures = options.ConsecutiveFailures ?? int.MaxValue;
        MaxProbes = options.MaxProbes;
        ProbeLeaseMilliseconds = (long)options.ProbeLease.TotalMilliseconds;
        OnTransition = options.OnTransition;
        (ProbeFailuresToReopen, ProbeSuccessesToClose) = options.ProbeFailureRatio is { } ratio
            ? CountsFor(ratio, options.ProbeSampleSize)
            : (options.ProbeFailuresToReopen, options.ProbeSuccessesToClose);
    }

    public CircuitWindowKind Window { get; }

    public long WindowMilliseconds { get; }

    public int WindowSize { get; }

    public int MinimumThroughput { get; }

    public bool CountsSlowCalls { get; }

    public TimeSpan SlowCallDuration { get; }

    public bool CountsConsecutiveFailures { get; }

    public int ConsecutiveFailures { get; }

    public int MaxProbes { get; }

    public int ProbeSuccessesToClose { get; }

    public int ProbeFailuresToReopen { get; }

    public long ProbeLeaseMilliseconds { get; }

    public Action<CircuitTransition>? OnTransition { get; }

    /// <summary>The ratio rule that the counts break, if any.</summary>
    public CircuitTransitionReason? Judge(in WindowCounts counts) =>
        counts.Total < MinimumThroughput ? null : Judge(counts.Failures, counts.SlowCalls, counts.Total);

    /// <summary>The ratio rule that so many suspects break among so many calls, if any. What they do not break, they do not among more calls either.</summary>
    public CircuitTransitionReason? Judge(long failures, long slowCalls, long total)
    {
        // Divided, not multiplied: a correctly rounded 3 / 30 is the very double that 0.1 denotes, whereas 0.1 * 30 need not be 3.
        if ((double)failures / total >= _failureRatio)
            return CircuitTransitionReason.FailureRatio;

        return (double)slowCalls / total >= _slowCallRatio ? CircuitTransitionReason.SlowCallRatio : null;
    }

    /// <summary>How many milliseconds the n-th break in a row lasts.</summary>
    public long DrawBreak(int breaksInARow, Func<double> random)
    {
        double longest = Math.Min(_maxBreakMilliseconds, _breakMilliseconds * Math.Pow(_breakGrowth, breaksInARow - 1));
        return _breakJitter > 0 ? Math.Max(1, (long)(longest * (1 - _breakJitter * random()))) : (long)longest;
    }

    // "At least this share of the sample fails" is certain at the smallest count of failures that makes up the share, and impossible as soon as
    // the successes leave no room for that count.
    private static (int Failures, int Successes) CountsFor(double ratio, int sampleSize)
    {
        int failures = Enumerable.Range(1, sampleSize).First(count => (double)count / sampleSize >= ratio);
        return (failures, sampleSize - failures + 1);
    }
}
