namespace PipelineOps;

/// <summary>
/// The last so many outcomes: a ring of places taken in turn, and running totals that change by the difference between the outcome that comes
/// and the one that goes. Exact when calls come one after the other, and whenever none is being recorded.
/// </summary>
internal sealed class CountWindow(CircuitRules rules) : OutcomeWindow
{
    private const int Empty = 0;
    private const int Recorded = 1;
    private const int Failed = 2;
    private const int Slow = 4;

    private readonly int[] _outcomes = new int[rules.WindowSize];
    private long _next = -1;
    private long _total;
    private long _failures;
    private long _slowCalls;

    // A success replacing any other outcome changes no ratio for the worse; one in an empty place may reach the minimum throughput.
    public override bool AddSuccess() =>
        Put(Recorded) == Empty && (Volatile.Read(ref _failures) | Volatile.Read(ref _slowCalls)) != 0;

    public override void Add(bool failed, bool slow) => Put(Recorded | (failed ? Failed : 0) | (slow ? Slow : 0));

    public override CircuitTransitionReason? Judge() => rules.Judge(Count());

    // The total changes first and is read last: calls that end meanwhile can only make the ratios too small.
    public override WindowCounts Count()
    {
        long slowCalls = Volatile.Read(ref _slowCalls);
        long failures = Volatile.Read(ref _failures);
        return new(Volatile.Read(ref _total) - failures, failures, slowCalls);
    }

    private int Put(int outcome)
    {
        long ticket = Interlocked.Increment(ref _next);
        int replaced = Interlocked.Exchange(ref _outcomes[ticket % _outcomes.Length], outcome);
        int changed = outcome ^ replaced;
        if ((changed & Recorded) != 0)
            Interlocked.Increment(ref _total);

        if ((changed & Failed) != 0)
            Interlocked.Add(ref _failures, (outcome & Failed) != 0 ? 1 : -1);

        if ((changed & Slow) != 0)
            Interlocked.Add(ref _slowCalls, (outcome & Slow) != 0 ? 1 : -1);

        return replaced;
    }
}
