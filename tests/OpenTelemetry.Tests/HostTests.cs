using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>The set-up of a program with a host: stages from its container, telemetry of the SDK, one collector.</summary>
public sealed class HostTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_host_whose_telemetry_is_gone_before_its_stages_still_works()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        using IHost host = Host(receiver);
        await host.StartAsync(Ct);
        PipelineStage stage = host.Services.GetRequiredKeyedService<PipelineStage>("orders/load");

        host.Services.GetRequiredService<OpenTelemetrySdk>().Dispose();

        Assert.Equal(2, await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct));
        await host.StopAsync(Ct);
    }

    [Fact]
    public async Task A_host_exports_the_traces_and_the_metrics_of_its_stages()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        using (IHost host = Host(receiver))
        {
            await host.StartAsync(Ct);
            PipelineStage stage = host.Services.GetRequiredKeyedService<PipelineStage>("orders/load");
            await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);

            // The stage measures with the host's own factory, so that a host's meters end with it.
            IMeterFactory factory = host.Services.GetRequiredService<IMeterFactory>();
            using var listener = new MeterListener();
            List<object?> scopes = [];
            listener.InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Name == "pipelineops.calls")
                    scopes.Add(instrument.Meter.Scope);
            };
            listener.Start();
            Assert.Contains(factory, scopes);

            await host.StopAsync(Ct);
            OpenTelemetrySdk sdk = host.Services.GetRequiredService<OpenTelemetrySdk>();
            Assert.True(sdk.TracerProvider.ForceFlush(20_000));
            Assert.True(sdk.MeterProvider.ForceFlush(20_000));
        }

        Assert.Equal(["orders/load", "orders/load attempt", "orders/load attempt"], receiver.Spans.Select(static span => span.Name).Order(StringComparer.Ordinal));
        Assert.All(receiver.Spans, static span => Assert.Equal("orders-host", span.Service));
        Assert.Contains(
            receiver.Points,
            static point => point is { Name: "pipelineops.calls", Service: "orders-host", Value: 1 } && point.Attributes["outcome"] is "succeeded_after_retry");
    }

    // As services.AddOpenTelemetry() has it, whose package builds the same SDK within the host.
    private static IHost Host(OtlpReceiver receiver)
    {
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders();
        builder.Services.AddMetrics();
        builder.Services.AddPipelineOps().AddPipeline("orders", static orders => orders.AddStage("load", static stage => stage.Retry.Backoff = Backoff.None));
        builder.Services.AddSingleton(_ => OpenTelemetrySdk.Create(telemetry => telemetry
            .ConfigureResource(static resource => resource.AddService("orders-host"))
            .WithTracing(tracing => tracing.AddSource(PipelineOpsTelemetry.ActivitySourceName).AddOtlpExporter(receiver.ReceiveTraces))
            .WithMetrics(metrics => metrics.AddMeter(PipelineOpsTelemetry.MeterName).AddOtlpExporter(receiver.ReceiveMetrics))));
        IHost host = builder.Build();
        _ = host.Services.GetRequiredService<OpenTelemetrySdk>();
        return host;
    }
}
