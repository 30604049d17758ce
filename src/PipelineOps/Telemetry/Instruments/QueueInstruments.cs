using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>The instruments of queues, and the queues that they observe.</summary>
internal sealed class QueueInstruments
{
    public QueueInstruments(Meter meter)
    {
        meter.Observe<long>(TelemetryCatalog.QueueLength, static () => []);
        meter.Observe<double>(TelemetryCatalog.QueueOldestAge, static () => []);
    }
}
