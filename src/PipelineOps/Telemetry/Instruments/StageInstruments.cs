using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>The instruments of stages, and the stages whose state they observe.</summary>
internal sealed class StageInstruments
{
    private readonly object _gate = new();

    // Weak, because a stage made without a container is never unregistered by anybody but the collector.
    private readonly List<WeakReference<StageMetrics>> _stages = [];

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
        _active = Observe<long>(TelemetryCatalog.ActiveCalls, static (stage, into) => stage.ObserveActiveCalls(into));
        _calls = Observe<long>(TelemetryCatalog.Calls, static (stage, into) => stage.ObserveCalls(into));
        _attempts = Observe<long>(TelemetryCatalog.Attempts, static (stage, into) => stage.ObserveAttempts(into));
        _circuitRejections = Observe<long>(TelemetryCatalog.CircuitRejections, static (stage, into) => stage.ObserveCircuitRejections(into));
        Observe<long>(TelemetryCatalog.Retries, static (stage, into) => stage.ObserveRetries(into));
        Observe<long>(TelemetryCatalog.RetriesExhausted, static (stage, into) => stage.ObserveEvents(StageEvent.RetriesExhausted, into));
        Observe<long>(TelemetryCatalog.RetriesDenied, static (stage, into) => stage.ObserveEvents(StageEvent.RetryDenied, into));
        Observe<long>(TelemetryCatalog.CircuitState, static (stage, into) => stage.ObserveCircuitState(into));
        Observe<long>(TelemetryCatalog.CircuitTransitions, static (stage, into) => stage.ObserveTransitions(into));
        Observe<double>(TelemetryCatalog.CircuitFailureRate, static (stage, into) => stage.ObserveFailureRate(into));
        Observe<long>(TelemetryCatalog.ConcurrencyActive, static (stage, into) => stage.ObserveConcurrency(into, static reading => reading.Active));
        Observe<long>(TelemetryCatalog.ConcurrencyQueued, static (stage, into) => stage.ObserveConcurrency(into, static reading => reading.Queued));
        Observe<long>(TelemetryCatalog.ConcurrencyLimit, static (stage, into) => stage.ObserveConcurrency(into, static reading => reading.Limit));
        Observe<long>(TelemetryCatalog.ConcurrencyRejections, static (stage, into) => stage.ObserveConcurrencyRejections(into));
        Observe<long>(TelemetryCatalog.Records, static (stage, into) => stage.ObserveRecords(into));
        Observe<long>(TelemetryCatalog.ActiveRecords, static (stage, into) => stage.ObserveActiveRecords(into));
        Observe<long>(TelemetryCatalog.BatchLimit, static (stage, into) => stage.ObserveBatchLimit(into));
        Observe<long>(TelemetryCatalog.FailuresStored, static (stage, into) => stage.ObserveFailuresStored(into));

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

    public void Register(StageMetrics stage)
    {
        lock (_gate)
        {
            // Swept when the list is about to grow, so that registering stays cheap and the list bounded by twice the live stages.
            if (_stages.Count == _stages.Capacity)
                _stages.RemoveAll(static reference => !reference.TryGetTarget(out _));

            _stages.Add(new WeakReference<StageMetrics>(stage));
        }
    }

    public void Unregister(StageMetrics stage)
    {
        lock (_gate)
            _stages.RemoveAll(reference => !reference.TryGetTarget(out StageMetrics? target) || target == stage);
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
