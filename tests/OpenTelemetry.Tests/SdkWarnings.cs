using System.Collections.Concurrent;
using System.Diagnostics.Tracing;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>What the SDK complains about in the library's instruments while this lives, as duplicates and overflows: it tells nobody else.</summary>
internal sealed class SdkWarnings : EventListener
{
    private readonly ConcurrentQueue<string> _all = new();

    public IReadOnlyCollection<string> All => _all;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name.StartsWith("OpenTelemetry", StringComparison.Ordinal))
            EnableEvents(eventSource, EventLevel.Warning);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        string warning = $"{eventData.EventName}: {string.Join(", ", eventData.Payload ?? (IReadOnlyList<object?>)[])}";
        if (warning.Contains("pipelineops", StringComparison.OrdinalIgnoreCase))
            _all.Enqueue(warning);
    }
}
