using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace PipelineOps.Tests.Telemetry;

/// <summary>One measurement, with its tags in their order as in <c>pipeline=orders,stage=load</c>.</summary>
internal sealed record Measured(string Instrument, double Value, string Tags);

/// <summary>Makes meters, and listens to those alone, so that tests that run at the same time do not hear each other.</summary>
internal sealed class MeterProbe : IMeterFactory
{
    private readonly List<Meter> _meters = [];
    private readonly ConcurrentQueue<Measured> _measured = new();
    private MeterListener? _listener;

    public Instrument[] Instruments { get; private set; } = [];

    public IReadOnlyList<Meter> Meters => _meters;

    /// <summary>What was measured, without what is only observed.</summary>
    public IReadOnlyCollection<Measured> All => _measured;

    public MeterProbe Listen(Func<Instrument, bool>? to = null)
    {
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope != this || to?.Invoke(instrument) == false)
                    return;

                Instruments = [.. Instruments, instrument];
                listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _listener.Start();
        return this;
    }

    public void Deafen() => _listener?.Dispose();

    public IReadOnlyList<Measured> Of(string instrument) => [.. _measured.Where(m => m.Instrument == instrument)];

    /// <summary>Asks the observable instruments.</summary>
    public IReadOnlyList<Measured> Observe(string instrument)
    {
        int before = _measured.Count;
        _listener!.RecordObservableInstruments();
        return [.. _measured.Skip(before).Where(m => m.Instrument == instrument)];
    }

    /// <summary>Asks the observable instruments, and leaves out what is zero.</summary>
    public IReadOnlyList<Measured> ObserveNonZero(string instrument) => [.. Observe(instrument).Where(static m => m.Value != 0)];

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        _listener?.Dispose();
        foreach (Meter meter in _meters)
            meter.Dispose();
    }

    private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        List<string> texts = [];
        foreach (KeyValuePair<string, object?> tag in tags)
            texts.Add($"{tag.Key}={tag.Value}");
        _measured.Enqueue(new(instrument.Name, value, string.Join(',', texts)));
    }
}
