using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>The instruments of one meter, and the stages whose state it observes.</summary>
internal sealed class StageInstruments
{
    private static readonly double[] DurationBoundaries =
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private static readonly string? Version = typeof(StageInstruments).Assembly.GetName().Version?.ToString(3);

    private static readonly ConditionalWeakTable<IMeterFactory, StageInstruments> OfFactories = [];

    private readonly object _gate = new();

    // Weak, because a stage made without a container is never unregistered by anybody but the collector.
    private readonly List<WeakReference<StageTelemetry>> _stages = [];

    private readonly ObservableCounter<long> _calls;
    private readonly ObservableCounter<long> _attempts;

    private StageInstruments(IMeterFactory? factory)
    {
        Meter meter = factory is null
            ? new Meter(PipelineOpsTelemetry.MeterName, Version)
            : factory.Create(new MeterOptions(PipelineOpsTelemetry.MeterName) { Version = Version });

        Duration = meter.CreateHistogram(
            "pipelineops.stage.duration",
            "s",
            "How long a call took, retries and waits included.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = DurationBoundaries });
        Retries = meter.CreateCounter<long>("pipelineops.retries", "{retry}", "Attempts that followed a failed one, by the category of the failure.");
        RetriesExhausted = meter.CreateCounter<long>("pipelineops.retries.exhausted", "{call}", "Calls that failed although their last failure could be retried.");
        RetriesDenied = meter.CreateCounter<long>("pipelineops.retries.denied", "{retry}", "Retries that the budget refused.");
        CircuitTransitions = meter.CreateCounter<long>("pipelineops.circuit.transitions", "{transition}", "Changes of a circuit's state.");
        CircuitRejections = meter.CreateCounter<long>("pipelineops.circuit.rejections", "{call}", "Calls that an open circuit refused.");
        _calls = meter.CreateObservableCounter("pipelineops.calls", ObserveCalls, "{call}", "Calls by what retrying did for them.");
        _attempts = meter.CreateObservableCounter("pipelineops.attempts", ObserveAttempts, "{attempt}", "Invocations of the delegate.");
        meter.CreateObservableGauge("pipelineops.circuit.state", ObserveCircuits, "{circuit}", "1 for the state that the circuit is in, 0 for the others.");
    }

    public static StageInstruments Shared { get; } = new(factory: null);

    public static StageInstruments For(IMeterFactory factory) => OfFactories.GetValue(factory, static factory => new StageInstruments(factory));

    public static ActivitySource ActivitySource { get; } = new(PipelineOpsTelemetry.ActivitySourceName, Version ?? string.Empty);

    public Histogram<double> Duration { get; }

    public Counter<long> Retries { get; }

    public Counter<long> RetriesExhausted { get; }

    public Counter<long> RetriesDenied { get; }

    public Counter<long> CircuitTransitions { get; }

    public Counter<long> CircuitRejections { get; }

    /// <summary>Whether somebody still wants the counts of calls and attempts.</summary>
    public bool AreCountsWanted => _calls.Enabled || _attempts.Enabled;

    public void Register(StageTelemetry stage)
    {
        lock (_gate)
        {
            // Swept when the list is about to grow, so that registering stays cheap and the list bounded by twice the live stages.
            if (_stages.Count == _stages.Capacity)
                _stages.RemoveAll(static reference => !reference.TryGetTarget(out _));

            _stages.Add(new WeakReference<StageTelemetry>(stage));
        }
    }

    public void Unregister(StageTelemetry stage)
    {
        lock (_gate)
            _stages.RemoveAll(reference => !reference.TryGetTarget(out StageTelemetry? target) || target == stage);
    }

    private List<Measurement<long>> ObserveCalls() => Observe(static (stage, measurements) => stage.ObserveCalls(measurements));

    private List<Measurement<long>> ObserveAttempts() => Observe(static (stage, measurements) => stage.ObserveAttempts(measurements));

    private List<Measurement<long>> ObserveCircuits() => Observe(static (stage, measurements) => stage.ObserveCircuit(measurements));

    private List<Measurement<long>> Observe(Action<StageTelemetry, List<Measurement<long>>> observe)
    {
        var measurements = new List<Measurement<long>>();
        WeakReference<StageTelemetry>[] stages;
        lock (_gate)
            stages = [.. _stages];

        foreach (WeakReference<StageTelemetry> reference in stages)
        {
            if (reference.TryGetTarget(out StageTelemetry? stage))
                observe(stage, measurements);
        }

        return measurements;
    }
}
