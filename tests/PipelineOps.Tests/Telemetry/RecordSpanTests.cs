using System.Collections.Concurrent;
using System.Diagnostics;
using PipelineOps.Tests.Processing;
using PipelineOps.Tests.Recovery;

namespace PipelineOps.Tests.Telemetry;

[Collection(nameof(Alone))]
public sealed class RecordSpanTests : IDisposable
{
    private readonly SpanProbe _probe = new("producer");

    private ConcurrentQueue<Activity> Spans => _probe.Spans;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _probe.Dispose();

    [Fact]
    public async Task A_store_that_fails_fails_the_span_of_keeping()
    {
        using var stage = new ProcessingStage(static o => o.Recovery.StoreTimeout = TimeSpan.Zero);
        stage.Store.Break();

        await stage.Fail(new FormatException());

        Activity keep = Span("orders/load keep");
        Assert.Equal((ActivityStatusCode.Error, "System.IO.IOException"), (keep.Status, keep.GetTagItem("error.type")));
        Assert.Null(keep.GetTagItem("pipelineops.failure.id"));
    }

    [Fact]
    public async Task A_record_that_is_kept_has_a_span_with_the_failures_id_under_its_call()
    {
        using ProcessingStage stage = Traced();

        RecordResult result = await stage.Stage.ProcessAsync(new Order("o-1"), static (_, _) => throw new FormatException(), Ct);

        Activity call = Span("orders/load");
        Activity keep = Span("orders/load keep");
        Assert.Equal((call.TraceId, call.SpanId), (keep.TraceId, keep.ParentSpanId));
        Assert.Equal("o-1", call.GetTagItem("pipelineops.record.key"));
        Assert.Equal((result.Failure!.Id.ToString(), "quarantined"), (keep.GetTagItem("pipelineops.failure.id"), keep.GetTagItem("pipelineops.disposition")));
        Assert.Equal($"00-{call.TraceId}-{call.SpanId}-01", result.Failure.TraceParent);
        Assert.Null(Activity.Current);
    }

    [Fact]
    public async Task The_key_of_a_records_origin_is_its_failures_unless_a_description_gives_one()
    {
        using ProcessingStage described = Traced(static o => o.Recovery.Describe<Order>(static order => new RecordDescription { Key = $"described {order.Key}" }));
        using ProcessingStage stage = Traced();

        RecordResult known = await described.Stage.ProcessAsync(new Order("o-1"), static (_, _) => throw new FormatException(), Ct);
        RecordResult fallback = await stage.Stage.ProcessAsync(new Order("o-1"), static (_, _) => throw new FormatException(), Ct);

        Assert.Equal(("described o-1", "o-1"), (known.Failure!.RecordKey, fallback.Failure!.RecordKey));
    }

    [Fact]
    public async Task A_records_trace_goes_on_where_there_is_none_and_is_linked_where_there_is()
    {
        using ProcessingStage stage = Traced();
        ActivityContext producer = Produce();

        await stage.Stage.ProcessAsync(new Order("alone") { Producer = producer }, static (_, _) => default, Ct);
        using Activity consumer = new Activity("consumer").Start();
        await stage.Stage.ProcessAsync(new Order("consumed") { Producer = producer }, static (_, _) => default, Ct);

        Activity[] calls = [.. Spans.Where(static span => span.DisplayName == "orders/load")];
        Assert.Equal([(producer.TraceId, producer.SpanId), (consumer.TraceId, consumer.SpanId)], calls.Select(static span => (span.TraceId, span.ParentSpanId)));
        Assert.Empty(calls[0].Links);
        Assert.Equal(producer.SpanId, Assert.Single(calls[1].Links).Context.SpanId);
    }

    [Fact]
    public async Task A_span_that_is_only_propagated_has_no_links()
    {
        _probe.Listener.Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.PropagationData;
        var time = new ManualTimeProvider();
        using PipelineStage redriven = RecordStage.Create(time, new MemoryFailureStore(time));
        using ProcessingStage stage = Traced();
        ActivityContext producer = Produce();

        using (new Activity("consumer").Start())
        {
            await stage.Stage.ProcessAsync(new Order("consumed") { Producer = producer }, static (_, _) => default, Ct);
            await redriven.ProcessAsync("o-1", static (_, _) => throw new FormatException(), Ct);
        }

        await redriven.RedriveAsync<string>(static (_, _) => default, cancellationToken: Ct);

        Assert.Contains(Spans, static span => span.DisplayName == "orders/load redrive");
        Assert.All(Spans, static span => Assert.Empty(span.Links));
    }

    [Fact]
    public async Task The_origin_of_the_nearest_type_counts_whichever_was_described_first()
    {
        using var stage = new ProcessingStage(static o => o.Telemetry
            .DescribeOrigin<object>(static _ => new RecordOrigin { Key = "object" })
            .DescribeOrigin<IEnumerable<int>>(static _ => new RecordOrigin { Key = "sequence" })
            .DescribeOrigin<IList<int>>(static _ => new RecordOrigin { Key = "list" }));

        await stage.Stage.ProcessAsync(new List<int>(), static (_, _) => default, Ct);
        await stage.Stage.ProcessAsync("text", static (_, _) => default, Ct);

        Assert.Equal(["list", "object"], Spans.Select(static span => span.GetTagItem("pipelineops.record.key")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_origin_of_a_record_is_asked_once_for_its_span(bool hasCaller)
    {
        int asked = 0;
        using var stage = new ProcessingStage(o => o.Telemetry.DescribeOrigin<string>(record =>
        {
            asked++;
            return new RecordOrigin { Key = record };
        }));
        using Activity? caller = hasCaller ? new Activity("caller").Start() : null;

        await stage.Process("o-1", static (_, _) => default);

        Assert.Equal("o-1", Span("orders/load").GetTagItem("pipelineops.record.key"));
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task Baggage_of_a_record_goes_on_in_its_call()
    {
        using ProcessingStage stage = Traced();
        string? tenant = null;

        await stage.Stage.ProcessAsync(
            new Order("o-1") { Producer = Produce(), Baggage = [new("tenant", "acme")] },
            (_, _) =>
            {
                tenant = Activity.Current?.GetBaggageItem("tenant");
                return default;
            },
            Ct);

        Assert.Equal("acme", tenant);
    }

    [Fact]
    public async Task A_batch_is_linked_to_each_producer_of_its_records_once_and_to_no_more_than_asked()
    {
        using ProcessingStage stage = Traced(static o => o.Telemetry.MaxLinks = 3);
        ActivityContext[] producers = [.. Enumerable.Range(0, 5).Select(_ => Produce())];
        Order[] orders = [.. producers.SelectMany(static producer => new Order[] { new("a") { Producer = producer }, new("b") { Producer = producer } }), new("c")];

        await stage.Stage.ProcessBatchAsync(orders, static (_, _) => default, cancellationToken: Ct);

        Activity call = Span("orders/load");
        Assert.Equal(producers[..3].Select(static producer => producer.SpanId), call.Links.Select(static link => link.Context.SpanId));
        Assert.Equal(11, call.GetTagItem("pipelineops.batch.size"));
        Assert.Null(call.GetTagItem("pipelineops.record.key"));
    }

    [Fact]
    public async Task The_bad_records_of_a_batch_are_events_of_the_span_of_keeping()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Bad = { 2, 5 } };

        BatchResult result = await stage.Stage.ProcessBatchAsync([.. Enumerable.Range(0, 8)], handling.Handle, BatchEffect.Atomic, Ct);

        Activity keep = Span("orders/load keep");
        Assert.Equal(2, keep.GetTagItem("pipelineops.batch.size"));
        Assert.Equal(
            [result[2].Failure!.Id.ToString(), result[5].Failure!.Id.ToString()],
            keep.Events.Select(static kept => kept.Tags.Single(static tag => tag.Key == "pipelineops.failure.id").Value));
        Assert.All(handling.Calls.Zip(Spans.Where(static span => span.DisplayName == "orders/load")), static call =>
            Assert.Equal(call.First.Length, call.Second.GetTagItem("pipelineops.batch.size")));
    }

    [Fact]
    public async Task The_calls_of_a_search_are_in_the_trace_of_the_call_that_failed()
    {
        using var stage = new ProcessingStage();
        var handling = new BatchHandling { Bad = { 5 } };

        await stage.Stage.ProcessBatchAsync([.. Enumerable.Range(0, 8)], handling.Handle, BatchEffect.Atomic, Ct);

        Activity recover = Span("orders/load recover");
        Activity[] calls = [.. Spans.Where(static span => span.DisplayName == "orders/load")];
        Assert.Equal(handling.Calls.Count, calls.Length);
        Assert.Equal((calls[0].TraceId, calls[0].SpanId, 8), (recover.TraceId, recover.ParentSpanId, recover.GetTagItem("pipelineops.batch.size")));
        Assert.All(calls[1..], call => Assert.Equal(recover.SpanId, call.ParentSpanId));
        Assert.Null(Activity.Current);
    }

    [Fact]
    public async Task What_a_batch_reports_as_failed_is_traced_to_the_call_that_reported_it()
    {
        using var stage = new ProcessingStage();

        BatchResult result = await stage.Stage.ProcessBatchAsync(
            [1, 2],
            static (_, report, _) =>
            {
                report.Succeeded(0);
                report.Failed(1, new FormatException());
                return default;
            },
            cancellationToken: Ct);

        Activity call = Span("orders/load");
        Assert.Equal($"00-{call.TraceId}-{call.SpanId}-01", result[1].Failure!.TraceParent);
        Assert.Equal(call.SpanId, Span("orders/load keep").ParentSpanId);
    }

    [Fact]
    public async Task A_redrive_is_a_trace_of_its_own_linked_to_the_original()
    {
        var time = new ManualTimeProvider();
        var store = new MemoryFailureStore(time);
        using PipelineStage stage = RecordStage.Create(time, store, static o => o.Recovery.Describe<string>(static order => new RecordDescription { Key = order }));
        await stage.ProcessAsync("o-1", static (_, _) => throw new FormatException(), Ct);
        Activity original = Span("orders/load");
        FailureRecord failure = Assert.Single(store.All).Record;
        Spans.Clear();

        using Activity caller = new Activity("operator").Start();
        await stage.RedriveAsync<string>(static (_, _) => default, cancellationToken: Ct);

        Assert.Same(caller, Activity.Current);
        Activity redrive = Span("orders/load redrive");
        Assert.NotEqual(original.TraceId, redrive.TraceId);
        Assert.NotEqual(caller.TraceId, redrive.TraceId);
        Assert.Equal(default, redrive.ParentSpanId);
        Assert.Equal((original.TraceId, original.SpanId), (Assert.Single(redrive.Links).Context.TraceId, redrive.Links.Single().Context.SpanId));
        Assert.Equal((failure.Id.ToString(), 0, "o-1"), (redrive.GetTagItem("pipelineops.failure.id"), redrive.GetTagItem("pipelineops.redrive.count"), redrive.GetTagItem("pipelineops.record.key")));
        Assert.Equal(redrive.SpanId, Span("orders/load").ParentSpanId);
    }

    [Fact]
    public async Task A_redrive_that_fails_again_is_a_failed_span_and_its_failure_keeps_the_original_trace()
    {
        var time = new ManualTimeProvider();
        var store = new MemoryFailureStore(time);
        using PipelineStage stage = RecordStage.Create(time, store);
        await stage.ProcessAsync("o-1", static (_, _) => throw new FormatException(), Ct);
        string? original = store.All[0].Record.TraceParent;

        await stage.RedriveAsync<string>(static (_, _) => throw new FormatException(), cancellationToken: Ct);

        Assert.Equal((ActivityStatusCode.Error, "System.FormatException"), (Span("orders/load redrive").Status, Span("orders/load redrive").GetTagItem("error.type")));
        Assert.Equal(original, store.All.Single(static failure => failure.Record.ParentId is not null).Record.TraceParent);
    }

    [Fact]
    public async Task A_run_is_told_by_every_span_below_it()
    {
        using ProcessingStage stage = Traced();
        using (new PipelineRun("night").Enter())
        {
            await stage.Stage.ExecuteAsync(static _ => default, Ct);
            await stage.Stage.ProcessAsync(new Order("o-1") { Run = "day" }, static (_, _) => default, Ct);
        }

        await stage.Stage.ExecuteAsync(static _ => default, Ct);

        Assert.Equal(["night", "day", null], Spans.Where(static span => span.DisplayName == "orders/load").Select(static span => (string?)span.GetTagItem("pipelineops.run.id")));
    }

    private static ActivityContext Produce()
    {
        using Activity producer = new Activity("producer").Start();
        return producer.Context;
    }

    private static ProcessingStage Traced(Action<StageOptions>? configure = null) => new(o =>
    {
        o.Telemetry.DescribeOrigin<Order>(static order => new RecordOrigin { Key = order.Key, TraceContext = order.Producer, Baggage = order.Baggage, RunId = order.Run });
        configure?.Invoke(o);
    });

    private Activity Span(string name) => Assert.Single(Spans, span => span.DisplayName == name);

    private sealed record Order(string Key)
    {
        public ActivityContext Producer { get; init; }

        public IReadOnlyList<KeyValuePair<string, string?>>? Baggage { get; init; }

        public string? Run { get; init; }
    }
}
