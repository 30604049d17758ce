using System.Collections.Concurrent;
using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>
/// A tracer provider as a program sets it up, whose exporter keeps what it is given. Also listens to <see cref="Source"/>, which plays the callers of stages.
/// </summary>
internal sealed class CollectedSpans : IDisposable
{
    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly TracerProvider _provider;

    public CollectedSpans(Action<TracerProviderBuilder>? configure = null)
    {
        TracerProviderBuilder builder = Sdk.CreateTracerProviderBuilder()
            .AddSource(PipelineOpsTelemetry.ActivitySourceName)
            .AddSource(Source.Name);
        configure?.Invoke(builder);
        _provider = builder.AddProcessor(new SimpleActivityExportProcessor(new Exporter(_spans))).Build();
    }

    /// <summary>Whatever is no stage: producers, consumers, operators.</summary>
    public static ActivitySource Source { get; } = new("test");

    public IReadOnlyList<Activity> All => [.. _spans];

    /// <summary>The only span of this name.</summary>
    public Activity this[string name] => Assert.Single(_spans, span => span.DisplayName == name);

    public IReadOnlyList<Activity> Named(string name) => [.. _spans.Where(span => span.DisplayName == name)];

    public void Clear() => _spans.Clear();

    public void Dispose() => _provider.Dispose();

    private sealed class Exporter(ConcurrentQueue<Activity> spans) : BaseExporter<Activity>
    {
        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (Activity span in batch)
                spans.Enqueue(span);

            return ExportResult.Success;
        }
    }
}
