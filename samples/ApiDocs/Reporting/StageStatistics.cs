using System.Diagnostics.Metrics;
using PipelineOps;

namespace ApiDocs.Reporting;

/// <summary>What a stage's calls add up to, from the meter that every monitoring system reads.</summary>
internal sealed class StageStatistics : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<double> _durations = [];
    private readonly List<CircuitTransition> _transitions = [];
    private readonly MeterListener _listener = new();
    private long _retries;

    public StageStatistics(PipelineStage stage, IMeterFactory meters)
    {
        Stage = stage;
        if (stage.Circuit is { } circuit)
        {
            circuit.Transitioned += transition =>
            {
                lock (_lock)
                    _transitions.Add(transition);
            };
        }

        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == meters && instrument.Name is "pipelineops.stage.duration" or "pipelineops.retries")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) =>
        {
            if (IsOfStage(tags))
            {
                lock (_lock)
                    _durations.Add(seconds);
            }
        });
        _listener.SetMeasurementEventCallback<long>((_, retries, tags, _) =>
        {
            if (IsOfStage(tags))
                _retries += retries;
        });
        _listener.Start();
    }

    public PipelineStage Stage { get; }

    public long Retries
    {
        get
        {
            lock (_lock)
            {
                // A stage counts for itself, and tells the sums, one for each category, when it is asked.
                _retries = 0;
                _listener.RecordObservableInstruments();
                return _retries;
            }
        }
    }

    public int Calls
    {
        get
        {
            lock (_lock)
                return _durations.Count;
        }
    }

    public IReadOnlyList<CircuitTransition> Transitions
    {
        get
        {
            lock (_lock)
                return [.. _transitions];
        }
    }

    /// <summary>The duration that a part of the calls did not exceed, by nearest rank.</summary>
    public TimeSpan Quantile(double part)
    {
        lock (_lock)
        {
            _durations.Sort();
            return _durations.Count == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(_durations[(int)Math.Ceiling(part * _durations.Count) - 1]);
        }
    }

    public void Dispose() => _listener.Dispose();

    private bool IsOfStage(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach ((string name, object? value) in tags)
        {
            if (name == "stage")
                return (string?)value == Stage.Name;
        }

        return false;
    }
}
