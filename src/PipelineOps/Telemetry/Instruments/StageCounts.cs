using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>
/// What is counted of the stages of one name and one meter, for a series can be told only once. It outlives them: the last reading of a program that ends comes after its
/// stages are disposed of, and a sum that only grows must not vanish.
/// </summary>
internal sealed class StageCounts(string pipeline, string stage)
{
    // What is counted for these starts at zero, so that a first one shows in a rate; others appear with their first.
    private static readonly ErrorCategory[] RetriedByDefault = [.. EventCounts.Categories.Where(static category => ErrorClassification.For(category).IsRetryable)];
    private static readonly ErrorCategory[] KeptByDefault =
        [.. EventCounts.Categories.Where(static category => ErrorClassification.For(category).Strategy != RecoveryStrategy.Propagate)];

    private readonly KeyValuePair<string, object?> _pipeline = new("pipeline", pipeline);
    private readonly KeyValuePair<string, object?> _stage = new("stage", stage);
    private CallCounts? _calls;
    private EventCounts? _events;
    private RecordCounts? _records;

    public (string Pipeline, string Stage) Name => (pipeline, stage);

    /// <summary>How many stages have joined and not left; for <see cref="StageInstruments"/>.</summary>
    public int Stages { get; set; }

    /// <summary>Whether a stage of the name has had a circuit.</summary>
    public bool HasCircuit { get; set; }

    /// <summary>Whether a stage of the name has had a concurrency limit.</summary>
    public bool HasLimit { get; set; }

    /// <summary>The counts of calls; <see langword="null"/> while nobody has measured or observed any: a stage that nobody watches does not pay for their lines.</summary>
    public CallCounts? KnownCalls => _calls;

    public CallCounts Calls => _calls ?? Interlocked.CompareExchange(ref _calls, new CallCounts(), null) ?? _calls!;

    public EventCounts Events => _events ?? Interlocked.CompareExchange(ref _events, new EventCounts(), null) ?? _events!;

    public RecordCounts Records => _records ?? Interlocked.CompareExchange(ref _records, new RecordCounts(), null) ?? _records!;

    /// <summary>Whether nothing was ever counted or observed.</summary>
    public bool IsUntouched => _calls is null && _events is null && _records is null;

    public void ObserveActiveCalls(List<Measurement<long>> into) => into.Add(Of(Calls.Active()));

    public void ObserveCalls(List<Measurement<long>> into)
    {
        CallCounts counts = Calls;
        for (int i = 0; i < CallOutcomeTag.All.Length; i++)
            into.Add(Of(counts.Calls((CallOutcome)i), new("outcome", CallOutcomeTag.All[i])));
    }

    public void ObserveAttempts(List<Measurement<long>> into) => into.Add(Of(Calls.Attempts()));

    public void ObserveCircuitRejections(List<Measurement<long>> into)
    {
        if (HasCircuit)
            into.Add(Of(Calls.Rejections()));
    }

    public void ObserveRetries(List<Measurement<long>> into) => ObserveByCategory(into, RetriedByDefault, static (counts, category) => counts.Retries(category));

    public void ObserveFailuresStored(List<Measurement<long>> into) => ObserveByCategory(into, KeptByDefault, static (counts, category) => counts.Stored(category));

    public void ObserveEvents(StageEvent happened, List<Measurement<long>> into) => into.Add(Of(_events?.Of(happened) ?? 0));

    public void ObserveConcurrencyRejections(List<Measurement<long>> into)
    {
        if (HasLimit)
            ObserveEvents(StageEvent.ConcurrencyRejected, into);
    }

    public void ObserveTransitions(List<Measurement<long>> into)
    {
        if (!HasCircuit)
            return;

        foreach ((CircuitState from, CircuitState to) in CircuitStateTag.Transitions)
            into.Add(new(_events?.Transitions(from, to) ?? 0, _pipeline, _stage, new("from", from.ToTag()), new("to", to.ToTag())));
    }

    public void ObserveRecords(List<Measurement<long>> into)
    {
        RecordReading? reading = _records?.Read();
        for (int i = 0; i < DispositionTag.All.Length; i++)
            into.Add(Of(reading?.Ended[i] ?? 0, new("disposition", DispositionTag.All[i])));
    }

    public void ObserveActiveRecords(List<Measurement<long>> into) => into.Add(Of(_records?.Read().InFlight ?? 0));

    private void ObserveByCategory(List<Measurement<long>> into, ErrorCategory[] always, Func<EventCounts, ErrorCategory, long> count)
    {
        foreach (ErrorCategory category in EventCounts.Categories)
        {
            long counted = _events is null ? 0 : count(_events, category);
            if (counted > 0 || always.Contains(category))
                into.Add(Of(counted, new("category", category.ToTag())));
        }
    }

    private Measurement<long> Of(long value) => new(value, _pipeline, _stage);

    private Measurement<long> Of(long value, KeyValuePair<string, object?> tag) => new(value, _pipeline, _stage, tag);
}
