namespace PipelineOps;

/// <summary>When a <see cref="CircuitBreaker"/> opens, for how long, and what closes it again.</summary>
public sealed class CircuitBreakerOptions
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan ShortestWindow = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>Whether a stage has a circuit at all. A <see cref="CircuitBreaker"/> of its own ignores it.</summary>
    /// <value><see langword="true"/> by default.</value>
    public bool Enabled { get; set; } = true;

    /// <summary>The share of failures in the window at which the circuit opens, compared without rounding.</summary>
    /// <value>0.5 by default; above 0, at most 1.</value>
    public double FailureRatio { get; set; } = 0.5;

    /// <summary>How many calls the window must hold before <see cref="FailureRatio"/> and <see cref="SlowCallRatio"/> apply.</summary>
    /// <value>20 by default; at least 1, and at most <see cref="WindowSize"/> when the window is by count.</value>
    public int MinimumThroughput { get; set; } = 20;

    /// <summary>Which outcomes the ratios are taken over.</summary>
    /// <value><see cref="CircuitWindowKind.Time"/> by default.</value>
    public CircuitWindowKind Window { get; set; } = CircuitWindowKind.Time;

    /// <summary>How far back a window by time reaches. It moves on in steps of a sixteenth of its length.</summary>
    /// <value>30 seconds by default; from 100 milliseconds to 1 day.</value>
    public TimeSpan WindowDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many calls a window by count holds.</summary>
    /// <value>100 by default; from 1 to 100,000.</value>
    public int WindowSize { get; set; } = 100;

    /// <summary>The share of slow calls in the window at which the circuit opens. While it is set, a slow probe counts as a failed one.</summary>
    /// <value><see langword="null"/> (off) by default; above 0, at most 1.</value>
    public double? SlowCallRatio { get; set; }

    /// <summary>A call that takes longer than this is slow. Used only while <see cref="SlowCallRatio"/> is set.</summary>
    /// <value>1 minute by default; more than zero.</value>
    public TimeSpan SlowCallDuration { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How many failures without a success between them open the circuit, whatever the window holds.</summary>
    /// <value><see langword="null"/> (off) by default; at least 1.</value>
    public int? ConsecutiveFailures { get; set; }

    /// <summary>How long the circuit stays open at its first break.</summary>
    /// <value>5 seconds by default; from 1 millisecond to 1 day.</value>
    public TimeSpan BreakDuration { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The factor by which each further break is longer than the one before, until the circuit closes: the n-th lasts <c>BreakDuration * BreakGrowth^(n-1)</c>.</summary>
    /// <value>1 (every break the same) by default; at least 1.</value>
    public double BreakGrowth { get; set; } = 1;

    /// <summary>The length that no break exceeds.</summary>
    /// <value>5 minutes by default; from <see cref="BreakDuration"/> to 1 day.</value>
    public TimeSpan MaxBreakDuration { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The share of each break that is drawn at random, so that many processes do not come back at once: a break of d lasts from
    /// <c>d * (1 - BreakJitter)</c> to d. The cap applies to d, so breaks at the cap stay spread.
    /// </summary>
    /// <value>0 (none) by default; from 0 to 1.</value>
    public double BreakJitter { get; set; }

    /// <summary>How many probes a half-open circuit admits at the same time.</summary>
    /// <value>1 by default; from 1 to 1,024.</value>
    public int MaxProbes { get; set; } = 1;

    /// <summary>How many successful probes close the circuit. Not used while <see cref="ProbeFailureRatio"/> is set.</summary>
    /// <value>1 by default; at least 1.</value>
    public int ProbeSuccessesToClose { get; set; } = 1;

    /// <summary>How many failed probes open the circuit again. Not used while <see cref="ProbeFailureRatio"/> is set.</summary>
    /// <value>1 by default; at least 1.</value>
    public int ProbeFailuresToReopen { get; set; } = 1;

    /// <summary>
    /// The share of failures among <see cref="ProbeSampleSize"/> probes at which the circuit opens again; below it, it closes. Either happens
    /// as soon as the probes still to come cannot change the answer.
    /// </summary>
    /// <value><see langword="null"/> (the two counts decide) by default; above 0, at most 1.</value>
    public double? ProbeFailureRatio { get; set; }

    /// <summary>How many probes <see cref="ProbeFailureRatio"/> is taken over.</summary>
    /// <value>10 by default; from 1 to 10,000.</value>
    public int ProbeSampleSize { get; set; } = 10;

    /// <summary>How long a probe may take before its place goes to the next caller, so that a hung probe cannot keep the circuit half-open.</summary>
    /// <value>30 seconds by default; from 1 millisecond to 1 day.</value>
    public TimeSpan ProbeLease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Called after each change of state, in order and one at a time. What it throws is ignored.</summary>
    /// <value><see langword="null"/> by default.</value>
    public Action<CircuitTransition>? OnTransition { get; set; }

    internal void Validate(OptionsProblems problems, string path)
    {
        RequireRatio(FailureRatio, nameof(FailureRatio));
        if (Window == CircuitWindowKind.Count)
            problems.Require(MinimumThroughput >= 1 && MinimumThroughput <= WindowSize, path + nameof(MinimumThroughput), MinimumThroughput, $"from 1 to {nameof(WindowSize)}");
        else
            RequireCount(MinimumThroughput, nameof(MinimumThroughput));

        problems.Require(Enum.IsDefined(Window), path + nameof(Window), Window, $"{CircuitWindowKind.Time} or {CircuitWindowKind.Count}");
        RequireWithin(WindowDuration, nameof(WindowDuration), ShortestWindow);
        RequireCount(WindowSize, nameof(WindowSize), 100_000);
        RequireRatio(SlowCallRatio ?? 1, nameof(SlowCallRatio));
        problems.Require(SlowCallDuration > TimeSpan.Zero, path + nameof(SlowCallDuration), SlowCallDuration, "more than zero");
        RequireCount(ConsecutiveFailures ?? 1, nameof(ConsecutiveFailures));
        RequireWithin(BreakDuration, nameof(BreakDuration), Shortest);
        problems.Require(BreakGrowth >= 1 && double.IsFinite(BreakGrowth), path + nameof(BreakGrowth), BreakGrowth, "a finite number of at least 1");
        problems.Require(MaxBreakDuration >= BreakDuration && MaxBreakDuration <= Longest, path + nameof(MaxBreakDuration), MaxBreakDuration, $"from {nameof(BreakDuration)} to {Longest}");
        problems.Require(BreakJitter is >= 0 and <= 1, path + nameof(BreakJitter), BreakJitter, "from 0 to 1");
        RequireCount(MaxProbes, nameof(MaxProbes), 1024);
        RequireCount(ProbeSuccessesToClose, nameof(ProbeSuccessesToClose));
        RequireCount(ProbeFailuresToReopen, nameof(ProbeFailuresToReopen));
        RequireRatio(ProbeFailureRatio ?? 1, nameof(ProbeFailureRatio));
        RequireCount(ProbeSampleSize, nameof(ProbeSampleSize), 10_000);
        RequireWithin(ProbeLease, nameof(ProbeLease), Shortest);

        void RequireRatio(double value, string field) =>
            problems.Require(value is > 0 and <= 1, path + field, value, "above 0 and at most 1");

        void RequireCount(int value, string field, int most = int.MaxValue) =>
            problems.Require(value >= 1 && value <= most, path + field, value, most == int.MaxValue ? "at least 1" : $"from 1 to {most}");

        void RequireWithin(TimeSpan value, string field, TimeSpan least) =>
            problems.Require(value >= least && value <= Longest, path + field, value, $"from {least} to {Longest}");
    }
}
