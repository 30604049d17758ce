using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>What a collector receives of stages, by the real exporter.</summary>
public sealed class OtlpTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_collector_that_fails_changes_no_outcome()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        receiver.StatusCode = StatusCodes.Status400BadRequest;
        using TracerProvider tracing = Tracing(receiver);
        using MeterProvider metering = Metering(receiver);
        using var stage = new BusyStage();

        await stage.Work();
        tracing.ForceFlush(20_000);
        metering.ForceFlush(20_000);

        Assert.InRange(receiver.Requests, 2, int.MaxValue);
        Assert.Equal(2, await stage.Stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct));
    }

    [Fact]
    public async Task Spans_arrive_with_their_parents_attributes_links_and_status()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        using TracerProvider tracing = Tracing(receiver);
        using var stage = new BusyStage();
        (Message first, ActivityContext producer) = Message.Send(CollectedSpans.Source, "m-1");
        (Message second, ActivityContext other) = Message.Send(CollectedSpans.Source, "m-2");

        await stage.Stage.ProcessAsync(first, static (_, _) => throw new IOException("broken"), Ct);
        await stage.Stage.ProcessBatchAsync([first, second], static (_, _) => default, cancellationToken: Ct);
        Assert.True(tracing.ForceFlush(20_000));

        Assert.All(receiver.Spans, static span => Assert.Equal("orders-service", span.Service));
        OtlpSpan call = receiver.Spans.Single(static span => span.Name == "orders/load" && span.Attributes.ContainsKey("pipelineops.record.key"));
        Assert.Equal(("PipelineOps", 1), (call.Scope, call.Kind));
        Assert.Equal((producer.TraceId.ToHexString(), producer.SpanId.ToHexString()), (call.TraceId, call.ParentSpanId));
        Assert.Equal((2, "broken"), (call.StatusCode, call.StatusMessage));
        Assert.Equal(
            [("error.type", "System.IO.IOException"), ("pipeline", "orders"), ("pipelineops.attempts", 2L), ("pipelineops.record.key", "m-1"), ("stage", "load")],
            call.Attributes.Select(static a => (a.Key, a.Value!)).OrderBy(static a => a.Key, StringComparer.Ordinal));
        Assert.Equal(["retry"], call.Events);

        OtlpSpan[] attempts = [.. receiver.Spans.Where(static span => span.Name == "orders/load attempt")];
        Assert.Equal([1L, 2L], attempts.Select(static attempt => attempt.Attributes["pipelineops.attempt"]));
        Assert.All(attempts, attempt => Assert.Equal((call.TraceId, call.SpanId, 2), (attempt.TraceId, attempt.ParentSpanId, attempt.StatusCode)));
        OtlpSpan keep = Assert.Single(receiver.Spans, static span => span.Name == "orders/load keep");
        Assert.Equal((call.TraceId, call.SpanId, 0), (keep.TraceId, keep.ParentSpanId, keep.StatusCode));

        OtlpSpan batch = receiver.Spans.Single(static span => span.Attributes.ContainsKey("pipelineops.batch.size"));
        Assert.Equal((string.Empty, 2L, 0), (batch.ParentSpanId, batch.Attributes["pipelineops.batch.size"], batch.StatusCode));
        Assert.Equal([Ids(producer), Ids(other)], batch.Links);
        Assert.DoesNotContain("error.type", batch.Attributes.Keys);
    }

    [Fact]
    public async Task Metrics_arrive_as_the_catalogue_has_them_with_their_values()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        using TracerProvider tracing = Tracing(receiver);
        using MeterProvider metering = Metering(receiver);
        using var stage = new BusyStage();

        await stage.Succeed(seconds: 0.003);
        await stage.Succeed(seconds: 7);
        await stage.Stage.TryExecuteAsync(new Flaky(new IOException(), new IOException()).Invoke, Ct);
        await stage.Work();
        Assert.True(tracing.ForceFlush(20_000));
        Assert.True(metering.ForceFlush(20_000));

        foreach (InstrumentDescription instrument in TelemetryCatalog.Instruments.Where(static i => i.Tags.Any(static tag => tag.Name == "stage")))
        {
            OtlpPoint[] points = [.. receiver.Points.Where(point => point.Name == instrument.Name)];
            Assert.NotEmpty(points);
            Assert.All(points, point =>
            {
                Assert.Equal(("orders-service", "PipelineOps"), (point.Service, point.Scope));
                Assert.Equal((instrument.Unit ?? string.Empty, instrument.Description), (point.Unit, point.Description));
                Assert.Equal(instrument.Kind.ToString(), point.Kind.ToString());
                Assert.Equal(instrument.Buckets, point.Bounds);
                Assert.Equal(("orders", "load"), (point.Attributes["pipeline"], point.Attributes["stage"]));
                Assert.Subset(instrument.Tags.Select(static tag => tag.Name).ToHashSet(), point.Attributes.Keys.ToHashSet());
            });
        }

        OtlpPoint failed = receiver.Points.Single(
            static point => point.Name == "pipelineops.calls" && point.Attributes["outcome"] is "failed_after_retries");
        Assert.Equal(2, failed.Value);
        OtlpPoint succeeded = receiver.Points.Single(static point => point.Name == "pipelineops.stage.duration" && !point.Attributes.ContainsKey("error.type"));
        Assert.Equal(succeeded.Value, succeeded.Buckets.Sum());
        Assert.Equal(7.003, succeeded.Sum, 6);
        Assert.Equal(1, succeeded.Buckets[succeeded.Bounds.ToList().IndexOf(10)]);
        Assert.Contains(succeeded.Exemplars, exemplar => receiver.Spans.Any(span => (span.TraceId, span.SpanId) == exemplar && span.Name == "orders/load"));
    }

    private static TracerProvider Tracing(OtlpReceiver receiver) => Sdk.CreateTracerProviderBuilder()
        .ConfigureResource(static resource => resource.AddService("orders-service"))
        .AddSource(PipelineOpsTelemetry.ActivitySourceName, CollectedSpans.Source.Name)
        .AddOtlpExporter(receiver.ReceiveTraces)
        .Build();

    private static MeterProvider Metering(OtlpReceiver receiver) => Sdk.CreateMeterProviderBuilder()
        .ConfigureResource(static resource => resource.AddService("orders-service"))
        .AddMeter(PipelineOpsTelemetry.MeterName)
        .SetExemplarFilter(ExemplarFilterType.TraceBased)
        .AddOtlpExporter((exporter, reader) =>
        {
            receiver.ReceiveMetrics(exporter);
            reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = Timeout.Infinite;
        })
        .Build();

    private static (string TraceId, string SpanId) Ids(ActivityContext context) => (context.TraceId.ToHexString(), context.SpanId.ToHexString());
}
