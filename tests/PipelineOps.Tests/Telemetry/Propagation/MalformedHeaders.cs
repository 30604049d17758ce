using System.Diagnostics.Metrics;

namespace PipelineOps.Tests.Telemetry.Propagation;

/// <summary>Listens to how many headers were malformed since it was made.</summary>
internal sealed class MalformedHeaders : IDisposable
{
    private readonly MeterListener _listener;
    private readonly Dictionary<string, long> _before;
    private Dictionary<string, long> _counts = [];

    public MalformedHeaders()
    {
        TraceHeaders.Extract(new Dictionary<string, string>());
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument is not { Name: "pipelineops.propagation.malformed", Meter: { Name: PipelineOpsTelemetry.MeterName, Scope: null } })
                    return;

                Instrument = instrument;
                listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) => _counts[$"{tags[0].Key}={tags[0].Value}"] = value);
        _listener.Start();
        _before = Read();
    }

    public Instrument? Instrument { get; private set; }

    /// <summary>Every tag that there is, whatever its count.</summary>
    public IEnumerable<string> Tags => _before.Keys;

    /// <summary>What was counted since, as in <c>header=baggage:1</c>.</summary>
    public IEnumerable<string> Counted => Read().Where(c => c.Value != _before[c.Key]).Select(c => $"{c.Key}:{c.Value - _before[c.Key]}");

    public void Dispose() => _listener.Dispose();

    private Dictionary<string, long> Read()
    {
        _counts = [];
        _listener.RecordObservableInstruments();
        return _counts;
    }
}
