using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>The ways of listening to the meter and the activity source of one name.</summary>
internal static class Listening
{
    public const string Off = "off";
    private const string Meter = "meter";
    private const string SpansSampledOut = "spans-sampled-out";
    private const string SpansRecorded = "spans-recorded";
    private const string SdkOfOpenTelemetry = "opentelemetry";

    public static IReadOnlyList<string> Cases { get; } = [Off, Meter, SpansSampledOut, SpansRecorded, SdkOfOpenTelemetry];

    /// <summary>Begins to listen, until what it answers is disposed.</summary>
    public static IDisposable Start(string listening, string name) => listening switch
    {
        Off => new Listeners(),
        Meter => ToMeter(name),
        SpansSampledOut => ToSpans(name, ActivitySamplingResult.None),
        SpansRecorded => ToSpans(name, ActivitySamplingResult.AllDataAndRecorded),
        SdkOfOpenTelemetry => WithOpenTelemetry(name),
        _ => throw new ArgumentOutOfRangeException(nameof(listening), listening, $"Known: {string.Join(", ", Cases)}"),
    };

    private static MeterListener ToMeter(string name)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == name)
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
        listener.Start();
        return listener;
    }

    private static ActivityListener ToSpans(string name, ActivitySamplingResult result)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => result,
            ActivityStarted = static _ => { },
            ActivityStopped = static _ => { },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static Listeners WithOpenTelemetry(string name) => new(
        Sdk.CreateTracerProviderBuilder().AddSource(name).SetSampler(new AlwaysOnSampler()).AddProcessor(new IgnoringProcessor()).Build(),
        Sdk.CreateMeterProviderBuilder().AddMeter(name).AddReader(new BaseExportingMetricReader(new IgnoringExporter())).Build());

    /// <summary>Listeners that end together.</summary>
    private sealed class Listeners(params IDisposable[] listeners) : IDisposable
    {
        public void Dispose() => Array.ForEach(listeners, static listener => listener.Dispose());
    }

    private sealed class IgnoringProcessor : BaseProcessor<Activity>;

    /// <summary>Its reader collects only when it is asked to, which is once, at the end.</summary>
    private sealed class IgnoringExporter : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch) => ExportResult.Success;
    }
}
