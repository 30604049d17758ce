using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>A meter provider as a program sets it up, with a reader that collects when it is asked.</summary>
internal sealed class CollectedMetrics : IDisposable
{
    private readonly MeterProvider _provider;
    private readonly BaseExportingMetricReader _reader;
    private List<Series> _collected = [];

    public CollectedMetrics(Action<MeterProviderBuilder>? configure = null, MetricReaderTemporalityPreference temporality = MetricReaderTemporalityPreference.Cumulative)
    {
        _reader = new BaseExportingMetricReader(new Exporter(this)) { TemporalityPreference = temporality };
        MeterProviderBuilder builder = Sdk.CreateMeterProviderBuilder().AddMeter(PipelineOpsTelemetry.MeterName);
        configure?.Invoke(builder);
        _provider = builder.AddReader(_reader).Build();
    }

    /// <summary>How many metric streams the last collection had of each name.</summary>
    public ILookup<string, string> Streams { get; private set; } = Array.Empty<string>().ToLookup(static name => name);

    /// <summary>All series, as they are now.</summary>
    public IReadOnlyList<Series> Collect()
    {
        _collected = [];
        Assert.True(_reader.Collect(10_000));
        return _collected;
    }

    /// <summary>The series of one metric, as they are now.</summary>
    public IReadOnlyList<Series> Collect(string name) => [.. Collect().Where(series => series.Name == name)];

    public void Dispose() => _provider.Dispose();

    private sealed class Exporter(CollectedMetrics collected) : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch)
        {
            List<string> streams = [];
            List<Series> series = [];
            foreach (Metric metric in batch)
            {
                streams.Add(metric.Name);
                foreach (ref readonly MetricPoint point in metric.GetMetricPoints())
                    series.Add(Series.Of(metric, in point));
            }

            (collected.Streams, collected._collected) = (streams.ToLookup(static name => name), series);
            return ExportResult.Success;
        }
    }
}
