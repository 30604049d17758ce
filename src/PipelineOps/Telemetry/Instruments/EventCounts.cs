namespace PipelineOps;

/// <summary>
/// Counts what is not part of a healthy call, also while nobody listens: whoever begins to listen during an outage is to see what came before. Made by the first such
/// event.
/// </summary>
internal sealed class EventCounts
{
    public static readonly ErrorCategory[] Categories = Enum.GetValues<ErrorCategory>();
    private static readonly int States = CircuitStateTag.All.Length;

    private readonly long[] _events = new long[Enum.GetValues<StageEvent>().Length];
    private readonly long[] _retries = new long[Categories.Length];
    private readonly long[] _stored = new long[Categories.Length];
    private readonly long[] _transitions = new long[States * States];

    public void Add(StageEvent happened) => Interlocked.Increment(ref _events[(int)happened]);

    public void AddRetry(ErrorCategory category) => Interlocked.Increment(ref _retries[SlotOf(category)]);

    public void AddStored(ErrorCategory category) => Interlocked.Increment(ref _stored[SlotOf(category)]);

    public void AddTransition(CircuitState from, CircuitState to) => Interlocked.Increment(ref _transitions[((int)from * States) + (int)to]);

    public long Of(StageEvent happened) => Volatile.Read(ref _events[(int)happened]);

    public long Retries(ErrorCategory category) => Volatile.Read(ref _retries[(int)category]);

    public long Stored(ErrorCategory category) => Volatile.Read(ref _stored[(int)category]);

    public long Transitions(CircuitState from, CircuitState to) => Volatile.Read(ref _transitions[((int)from * States) + (int)to]);

    // Classifications are the user's, whose category may be none of ours; such a one is told as unknown everywhere else too.
    private static int SlotOf(ErrorCategory category) => (int)category < Categories.Length ? (int)category : (int)ErrorCategory.Unknown;
}
