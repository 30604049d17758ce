using System.Diagnostics;
using System.Threading.Channels;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>A trace that crosses a queue: what a producer sends, in the headers of messages, is what its consumer works for.</summary>
public sealed class PropagationTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly CollectedSpans _spans = new();
    private readonly Channel<Message> _queue = Channel.CreateUnbounded<Message>();
    private readonly MemoryFailureStore _store;
    private readonly PipelineStage _consumer;

    public PropagationTests()
    {
        _store = new MemoryFailureStore(_time);
        _consumer = OwnStage.Create(_time, o =>
        {
            o.Recovery.FailureStore = _store;
            Message.DescribeTo(o);
        });
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _consumer.Dispose();
        _spans.Dispose();
    }

    [Fact]
    public async Task Headers_that_are_malformed_cost_the_trace_only_and_are_counted()
    {
        using var metrics = new CollectedMetrics();
        TraceHeaders.Extract((Dictionary<string, object?>)[]);
        Dictionary<string, double> before = Malformed(metrics);
        await _queue.Writer.WriteAsync(new Message("m-1") { Headers = { ["traceparent"] = "nonsense"u8.ToArray(), ["baggage"] = 42 } }, Ct);

        RecordResult result = await Consume(static (_, _) => default);

        Assert.True(result.IsSuccess);
        Activity call = _spans["orders/load"];
        Assert.Equal(default, call.ParentSpanId);
        Assert.Equal("m-1", call.GetTagItem("pipelineops.record.key"));
        Dictionary<string, double> after = Malformed(metrics);
        Assert.Equal(
            ["baggage", "traceparent"],
            after.Where(header => header.Value > before[header.Key]).Select(static header => header.Key).Order(StringComparer.Ordinal));

        static Dictionary<string, double> Malformed(CollectedMetrics metrics) =>
            metrics.Collect("pipelineops.propagation.malformed").ToDictionary(static s => s["header"]!, static s => s.Value);
    }

    [Fact]
    public async Task A_poison_message_keeps_its_trace_in_the_failure_and_its_redrive_is_linked_to_it()
    {
        ActivityContext producer = await Produce("m-1");

        RecordResult result = await Consume(static (_, _) => throw new FormatException());

        Activity call = _spans["orders/load"];
        Assert.Equal((producer.TraceId, producer.SpanId), (call.TraceId, call.ParentSpanId));
        Assert.Equal($"00-{producer.TraceId}-{call.SpanId}-01", result.Failure!.TraceParent);
        Assert.Equal(producer.TraceId, _spans["orders/load keep"].TraceId);
        _spans.Clear();

        // The payload has no headers of bytes: what is redriven is told by the failure, not by the message.
        Assert.Equal(1, (await _consumer.RedriveAsync<Message>(static (_, _) => default, cancellationToken: Ct)).Redriven);

        Activity redrive = _spans["orders/load redrive"];
        Assert.NotEqual(producer.TraceId, redrive.TraceId);
        ActivityContext original = Assert.Single(redrive.Links).Context;
        Assert.Equal((producer.TraceId, call.SpanId), (original.TraceId, original.SpanId));
        Assert.Equal(redrive.TraceId, _spans["orders/load"].TraceId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_consumers_call_goes_on_with_the_producers_trace_and_its_baggage_arrives(bool asynchronous)
    {
        ActivityContext producer = await Produce("m-1", new("tenant", "acme"), new("region", "eu west"));
        Activity? within = null;
        (string? Tenant, string? Region) baggage = default;

        RecordResult result = await Consume(async (_, _) =>
        {
            if (asynchronous)
                await Task.Yield();
            within = Activity.Current;
            baggage = (within?.GetBaggageItem("tenant"), within?.GetBaggageItem("region"));
        });

        Assert.True(result.IsSuccess);
        Activity call = _spans["orders/load"];
        Assert.Same(call, within);
        Assert.Equal((producer.TraceId, producer.SpanId, true), (call.TraceId, call.ParentSpanId, call.HasRemoteParent));
        Assert.Equal(("acme", "eu west"), baggage);
        Assert.Equal("m-1", call.GetTagItem("pipelineops.record.key"));
        Assert.Null(Activity.Current);
    }

    [Fact]
    public async Task What_a_handler_sends_on_goes_on_with_the_trace()
    {
        ActivityContext producer = await Produce("m-1", new KeyValuePair<string, string>("tenant", "acme"));
        using PipelineStage next = PipelineStage.Create("orders", "ship", OwnStage.Options(_time, Message.DescribeTo));
        var forwarded = new Message("m-2");

        await Consume((message, _) =>
        {
            foreach ((string name, object? value) in message.Headers)
                forwarded.Headers[name] = value;
            TraceHeaders.Inject(forwarded.Headers);
            return default;
        });
        string? tenant = null;
        await next.ProcessAsync(
            forwarded,
            (_, _) =>
            {
                tenant = Activity.Current?.GetBaggageItem("tenant");
                return default;
            },
            Ct);

        Assert.Equal((producer.TraceId, _spans["orders/load"].SpanId), (_spans["orders/ship"].TraceId, _spans["orders/ship"].ParentSpanId));
        Assert.Equal("acme", tenant);
    }

    [Fact]
    public async Task The_age_of_a_message_is_the_time_from_its_event()
    {
        using var metrics = new CollectedMetrics();
        await _queue.Writer.WriteAsync(new Message("m-1") { Time = _time.GetUtcNow() - TimeSpan.FromSeconds(90) }, Ct);

        await Consume(static (_, _) => default);

        Assert.Equal((90, 1), (Assert.Single(metrics.Collect("pipelineops.record.age")).Sum, Assert.Single(metrics.Collect("pipelineops.record.age")).Value));
    }

    private async Task<ActivityContext> Produce(string id, params KeyValuePair<string, string>[] baggage)
    {
        (Message message, ActivityContext producer) = Message.Send(CollectedSpans.Source, id, baggage);
        await _queue.Writer.WriteAsync(message, Ct);
        return producer;
    }

    private async Task<RecordResult> Consume(Func<Message, CancellationToken, ValueTask> handler)
    {
        Message message = await _queue.Reader.ReadAsync(Ct);
        return await _consumer.ProcessAsync(message, handler, Ct).InTime();
    }
}
