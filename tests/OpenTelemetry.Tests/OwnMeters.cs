using System.Diagnostics.Metrics;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>Makes meters that end with it: what other tests have counted in the process's own is not theirs.</summary>
internal sealed class OwnMeters : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose() => _meters.ForEach(static meter => meter.Dispose());
}
