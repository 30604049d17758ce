using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>The instruments of stages, and the stages whose state they observe.</summary>
internal sealed class StageInstruments
{
    private readonly object _gate = new();

    // Weak, because a stage made without a container is never unregistered by anybody but the collector.
    private readonly List<WeakReference<StageMetrics>> _stages = [];

    // Not weak: what was counted does not vanish. As many as there are names, of which a program has few, because they are tags.
    private readonly Dictionary<(string Pipeline, string Stage), StageCounts> _counts = [];

    private readonly ObservableInstrument<long> _calls;
    private readonly ObservableInstrument<long> _attempts;
    private readonly ObservableInstrument<long> _active;
    private readonly ObservableInstrument<long> _circuitRejections;

    public StageInstruments(Meter meter)
    {
        Duration = meter.CreateHistogram<double>(TelemetryCatalog.StageDuration);
        AttemptDuration = meter.CreateHistogram<double>(TelemetryCatalog.AttemptDuration);
        RecordAge = meter.CreateHistogram<double>(TelemetryCatalog.RecordAge);
        BatchSize = meter.CreateHistogram<long>(TelemetryCatalog.BatchSize);
        BatchCalls = meter.CreateHistogram<long>(TelemetryCatalog.BatchCalls);
        AppendDuration = meter.CreateHistogram<double>(TelemetryCatalog.AppendDuration);
        _active = Sum(TelemetryCatalog.ActiveCalls, static (stage, into) => stage.ObserveActiveCalls(into));
        _calls = Sum(TelemetryCatalog.Calls, static (stage, into) => stage.ObserveCalls(into));
        _attempts = Sum(TelemetryCatalog.Attempts, static (stage, into) => stage.ObserveAttempts(into));
        _circuitRejections = Sum(TelemetryCatalog.CircuitRejections, static (stage, into) => stage.ObserveCircuitRejections(into));
        Sum(TelemetryCatalog.Retries, static (stage, into) => stage.ObserveRetries(into));
        Sum(TelemetryCatalog.RetriesExhausted, static (stage, into) => stage.ObserveEvents(StageEvent.RetriesExhausted, into));
        Sum(TelemetryCatalog.RetriesDenied, static (stage, into) => stage.ObserveEvents(StageEvent.RetryDenied, into));
        Observe<long>(TelemetryCatalog.CircuitState, static (stage, into) => stage.ObserveCircuitState(into));
        Sum(TelemetryCatalog.CircuitTransitions, static (stage, into) => stage.ObserveTransitions(into));
        Observe<double>(TelemetryCatalog.CircuitFailureRate, static (stage, into) => stage.ObserveFailureRate(into));
        Observe<long>(TelemetryCatalog.ConcurrencyActive, static (stage, into) => stage.ObserveConcurrency(into, static reading => reading.Active));
        Observe<long>(TelemetryCatalog.ConcurrencyQueued, static (stage, into) => stage.ObserveConcurrency(into, static reading => reading.Queued));
        Observe<long>(TelemetryCatalog.ConcurrencyLimit, static (stage, into) => stage.ObserveConcurrency(into, static reading => reading.Limit));
        Sum(TelemetryCatalog.ConcurrencyRejections, static (stage, into) => stage.ObserveConcurrencyRejections(into));
        Sum(TelemetryCatalog.Records, static (stage, into) => stage.ObserveRecords(into));
        Sum(TelemetryCatalog.ActiveRecords, static (stage, into) => stage.ObserveActiveRecords(into));
        Observe<long>(TelemetryCatalog.BatchLimit, static (stage, into) => stage.ObserveBatchLimit(into));
        Sum(TelemetryCatalog.FailuresStored, static (stage, into) => stage.ObserveFailuresStored(into));

        ObservableInstrument<long> Sum(InstrumentDescription description, Action<StageCounts, List<Measurement<long>>> observe) =>
            meter.Observe(description, () => Read(observe));

        ObservableInstrument<T> Observe<T>(InstrumentDescription description, Action<StageMetrics, List<Measurement<T>>> observe)
            where T : struct => meter.Observe(description, () => Read(observe));
    }

    public Histogram<double> Duration { get; }

    public Histogram<double> AttemptDuration { get; }

    public Histogram<double> RecordAge { get; }

    public Histogram<long> BatchSize { get; }

    public Histogram<long> BatchCalls { get; }

    public Histogram<double> AppendDuration { get; }

    /// <summary>Whether somebody still wants the counts that every call adds to.</summary>
    public bool AreCallsWanted => _calls.Enabled || _attempts.Enabled || _active.Enabled;

    /// <summary>Whether somebody wants the count that every rejection adds to.</summary>
    public bool AreCircuitRejectionsWanted => _circuitRejections.Enabled;

    /// <summary>A stage has come to be. Answers what is counted of stages of its name.</summary>
    public StageCounts Join(StageMetrics metrics, string pipeline, string stage)
    {
        lock (_gate)
        {
            // Swept when the list is about to grow, so that joining stays cheap and the list bounded by twice the live stages.
            if (_stages.Count == _stages.Capacity)
                _stages.RemoveAll(static reference => !reference.TryGetTarget(out _));

            _stages.Add(new WeakReference<StageMetrics>(metrics));
            if (!_counts.TryGetValue((pipeline, stage), out StageCounts? counts))
                _counts.Add((pipeline, stage), counts = new StageCounts(pipeline, stage));

            counts.Stages++;
            return counts;
        }
    }

    /// <summary>A stage is disposed of.</summary>
    public void Leave(StageMetrics metrics, StageCounts counts)
    {
        lock (_gate)
        {
            if (_stages.RemoveAll(reference => reference.TryGetTarget(out StageMetrics? target) && target == metrics) > 0 && --counts.Stages == 0 && counts.IsUntouched)
                _counts.Remove(counts.Name);
        }
    }

    private List<Measurement<long>> Read(Action<StageCounts, List<Measurement<long>>> observe)
    {
        var measurements = new List<Measurement<long>>();
        StageCounts[] counts;
        lock (_gate)
            counts = [.. _counts.Values];

        foreach (StageCounts ofName in counts)
            observe(ofName, measurements);

        return measurements;
    }

    private List<Measurement<T>> Read<T>(Action<StageMetrics, List<Measurement<T>>> observe)
        where T : struct
    {
        var measurements = new List<Measurement<T>>();
        WeakReference<StageMetrics>[] stages;
        lock (_gate)
            stages = [.. _stages];

        foreach (WeakReference<StageMetrics> reference in stages)
        {
            if (reference.TryGetTarget(out StageMetrics? stage))
                observe(stage, measurements);
        }

        return measurements;
    }
}
