using System.Diagnostics;
using System.Threading.Channels;
using PipelineOps.Tests.Stages;
using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Snippets;

/// <summary>The code of the page on telemetry, run.</summary>
[Collection(nameof(Alone))]
public sealed class TelemetrySnippets
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_trace_is_carried_over_a_queue()
    {
        var queue = Channel.CreateUnbounded<Message>();
        CancellationToken ct = Ct;
        using Activity request = new Activity("request").Start();

        // snippet: inject
        var headers = new Dictionary<string, object?>();
        TraceHeaders.Inject(headers);
        await queue.Writer.WriteAsync(new Message("o-1", DateTimeOffset.UtcNow, headers), ct);
        // end snippet

        request.Stop();
        var options = new StageOptions();

        // snippet: extract
        options.Telemetry.DescribeOrigin<Message>(message =>
            TraceHeaders.Extract(message.Headers) with { Key = message.Id, EventTime = message.SentAt });
        // end snippet

        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == PipelineOpsTelemetry.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
        };
        ActivitySource.AddActivityListener(listener);
        using PipelineStage stage = PipelineStage.Create("orders", "load", options);
        ActivityTraceId trace = default;
        await stage.ProcessAsync(
            await queue.Reader.ReadAsync(Ct),
            (_, _) =>
            {
                trace = Activity.Current!.TraceId;
                return default;
            },
            Ct);

        Assert.Equal(request.TraceId, trace);
    }

    [Fact]
    public async Task A_run_is_measured_and_a_queue_observed()
    {
        using MeterProbe meter = new MeterProbe().Listen();
        using PipelineStage load = TestStage.Create(new ManualTimeProvider(), o => o.MeterFactory = meter);
        Pipeline pipeline = Pipeline.Create(load);
        var channel = Channel.CreateUnbounded<string>();
        channel.Writer.TryWrite("waiting");
        string[] orders = ["a", "b"];
        CancellationToken ct = Ct;

        // snippet: run
        await using (PipelineRun run = pipeline.BeginRun())
        {
            foreach (string order in orders)
            {
                await load.ExecuteAsync(static (order, ct) => InsertAsync(order, ct), order, ct);
                run.AddRead(1, bytes: order.Length);
                run.AddProcessed(1);
            }

            run.Complete();
        }
        // end snippet

        // snippet: queue
        using IDisposable observation = pipeline.ObserveQueue("orders.in", channel.Reader);
        using IDisposable other = pipeline.ObserveQueue("orders.out", () => orders.Length);
        // end snippet

        Assert.Equal([new("pipelineops.runs", 1, "pipeline=orders,status=succeeded")], meter.ObserveNonZero("pipelineops.runs"));
        Assert.Equal(
            [(1, "pipeline=orders,queue=orders.in"), (2, "pipeline=orders,queue=orders.out")],
            meter.Observe("pipelineops.queue.length").Select(static m => (m.Value, m.Tags)).OrderBy(static m => m.Tags));
    }

    private static ValueTask InsertAsync(string order, CancellationToken ct) => ct.IsCancellationRequested || order.Length == 0 ? ValueTask.FromCanceled(ct) : default;

    private sealed record Message(string Id, DateTimeOffset SentAt, IReadOnlyDictionary<string, object?> Headers);
}
