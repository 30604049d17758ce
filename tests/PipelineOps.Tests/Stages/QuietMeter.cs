using System.Diagnostics.Metrics;
using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Stages;

/// <summary>Listens to a meter of its own and keeps a count only.</summary>
internal sealed class QuietMeter : IDisposable
{
    private readonly MeterListener _listener;

    public QuietMeter()
    {
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == Meter)
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<double>((_, _, _, _) => Measurements++);
        _listener.Start();
    }

    public MeterProbe Meter { get; } = new();

    public long Measurements { get; private set; }

    public void Dispose()
    {
        _listener.Dispose();
        Meter.Dispose();
    }
}
