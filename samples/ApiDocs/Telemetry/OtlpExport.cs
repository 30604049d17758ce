using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using PipelineOps;

namespace ApiDocs.Telemetry;

/// <summary>Sends the spans, metrics and log lines of a job to an OTLP endpoint. All that PipelineOps needs for it are the names of its source and its meter.</summary>
internal sealed class OtlpExport : IDisposable
{
    // How long the end of the job waits for an endpoint that takes what it is sent, and how long for one answer.
    private static readonly TimeSpan LongestFlush = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(3);

    // What the environment does not say. The queue holds most of a job, which is over in less time than an endpoint may take to store what it gets.
    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["OTEL_SERVICE_NAME"] = "apidocs",
        ["OTEL_BSP_MAX_QUEUE_SIZE"] = "131072",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "5000",
    };

    private readonly Uri _endpoint;
    private readonly OtlpDeliveries _deliveries = new(LongestAnswer);
    private readonly OpenTelemetrySdk _sdk;

    /// <param name="endpoint">The base address; the signals' paths are appended.</param>
    public OtlpExport(Uri endpoint)
    {
        _endpoint = endpoint;
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(Defaults).AddEnvironmentVariables().Build();
        _sdk = OpenTelemetrySdk.Create(sdk =>
        {
            sdk.Services.AddSingleton(configuration);
            sdk.WithTracing(traces => traces
                .AddSource(PipelineOpsTelemetry.ActivitySourceName, IngestTracing.SourceName)
                .AddOtlpExporter(exporter => Configure(exporter, "traces")));
            sdk.WithMetrics(metrics => metrics
                .AddMeter(PipelineOpsTelemetry.MeterName)
                .AddOtlpExporter(exporter => Configure(exporter, "metrics")));
            sdk.WithLogging(logs => logs.AddOtlpExporter(exporter => Configure(exporter, "logs")));
        });
    }

    /// <summary>For the container: what is logged through it is sent.</summary>
    public ILoggerFactory Loggers => _sdk.GetLoggerFactory();

    /// <summary>Sends what is left, within a time that does not depend on the endpoint. Nothing is sent afterwards.</summary>
    /// <returns>One line that says what went wrong; <see langword="null"/> if all was sent.</returns>
    public async Task<string?> FlushAsync()
    {
        _deliveries.End();
        int limit = (int)LongestFlush.TotalMilliseconds;
        bool[] areDone = await Task.WhenAll(
            Task.Run(() => _sdk.TracerProvider.Shutdown(limit)),
            Task.Run(() => _sdk.MeterProvider.Shutdown(limit)),
            Task.Run(() => _sdk.LoggerProvider.Shutdown(limit)));
        string? problem = _deliveries.Problem ?? (areDone.All(static isDone => isDone) ? null : "it takes too long");
        return problem is null ? null : $"not all telemetry was sent to {_endpoint.OriginalString}: {problem}";
    }

    public void Dispose()
    {
        // A job that could not even begin has flushed nothing.
        _deliveries.End();
        _sdk.Dispose();
        _deliveries.Dispose();
    }

    private void Configure(OtlpExporterOptions exporter, string signal)
    {
        exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
        exporter.Endpoint = new Uri($"{_endpoint.AbsoluteUri.TrimEnd('/')}/v1/{signal}");
        exporter.HttpClientFactory = () => _deliveries.CreateClient(_endpoint, TimeSpan.FromMilliseconds(exporter.TimeoutMilliseconds));
    }
}
