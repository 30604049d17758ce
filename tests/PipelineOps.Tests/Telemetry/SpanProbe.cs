using System.Collections.Concurrent;
using System.Diagnostics;

namespace PipelineOps.Tests.Telemetry;

/// <summary>Listens to the library's spans, in the whole process, and keeps those that have ended.</summary>
internal sealed class SpanProbe : IDisposable
{
    public SpanProbe(params string[] otherSources)
    {
        Listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == PipelineOpsTelemetry.ActivitySourceName || otherSources.Contains(source.Name),
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = Spans.Enqueue,
        };
        ActivitySource.AddActivityListener(Listener);
    }

    public ConcurrentQueue<Activity> Spans { get; } = new();

    public ActivityListener Listener { get; }

    public void Dispose() => Listener.Dispose();
}
