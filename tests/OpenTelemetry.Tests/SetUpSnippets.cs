using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>The set-up that the page on telemetry shows, run against a receiver that the exporter's own variables lead to.</summary>
public sealed class SetUpSnippets
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_names_are_the_whole_set_up()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address);
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        try
        {
            // snippet: opentelemetry
            using OpenTelemetrySdk telemetry = OpenTelemetrySdk.Create(otel => otel
                .WithTracing(tracing => tracing.AddSource(PipelineOpsTelemetry.ActivitySourceName).AddOtlpExporter())
                .WithMetrics(metrics => metrics.AddMeter(PipelineOpsTelemetry.MeterName).AddOtlpExporter()));
            // end snippet

            using var stage = new BusyStage();
            await stage.Stage.ExecuteAsync(new Flaky().Invoke, Ct);
        }
        finally
        {
            Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", null);
            Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL", null);
        }

        Assert.Equal("orders/load", Assert.Single(receiver.Spans).Name);
        Assert.Contains(receiver.Points, static point => point.Name == "pipelineops.stage.duration");
    }
}
