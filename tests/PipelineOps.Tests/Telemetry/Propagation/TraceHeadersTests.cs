using System.Collections.ObjectModel;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;

namespace PipelineOps.Tests.Telemetry.Propagation;

[Collection(nameof(Alone))]
public sealed class TraceHeadersTests : IDisposable
{
    private const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string SpanId = "00f067aa0ba902b7";
    private const string TraceParent = $"00-{TraceId}-{SpanId}-01";

    private static readonly string TooLong = new('a', 8193);

    private readonly MalformedHeaders _malformed = new();

    public static TheoryData<object?> NoTraceParents => new(new object?[]
    {
        null,
        42,
        "",
        "00",
        TooLong,
        new byte[8193],
        new byte[] { 0xC3, 0x28 },
        (ReadOnlyMemory<byte>)new byte[] { 0xFF },
        new object?[] { TraceParent },
        $"00-{new string('0', 32)}-{SpanId}-01",
        $"00-{TraceId}-{new string('0', 16)}-01",
        $"ff-{TraceId}-{SpanId}-01",
        $"00-{TraceId.ToUpperInvariant()}-{SpanId}-01",
        $"00-{TraceId}-{SpanId}-0g",
        $"00-{TraceId}-{SpanId}-01-",
        $"{TraceParent},{TraceParent}",
        TraceParent.Replace('-', '_'),
    });

    public static TheoryData<object?> NoTraceStates => new(new object?[] { null, 1.5, "=", "a=\u0001", "A=1", "a=ü", TooLong, new byte[] { 0x80 } });

    public static TheoryData<object?> NoBaggage =>
        new(new object?[] { null, DateTimeOffset.UnixEpoch, "junk", "a=%ZZ", "a=ü", "=b", TooLong, new byte[] { 0xE2, 0x82 } });

    // Not listed beforehand: half a character does not outlive that.
    public static TheoryData<object?> NoRunIds =>
        new(new object?[] { null, 7L, "", "a\nb", "a\u0085", "\uD800", new string('r', 101), TooLong, new byte[] { (byte)'a', 0 } });

    public void Dispose() => _malformed.Dispose();

    [Theory]
    [MemberData(nameof(NoTraceParents))]
    public void A_malformed_traceparent_is_no_context_and_is_counted(object? value)
    {
        RecordOrigin origin = Extract(("traceparent", value), ("tracestate", "a=1"), ("baggage", "tenant=7"), (TraceHeaders.RunId, "night"));

        Assert.Equal(default, origin.TraceContext);
        Assert.Equal(new("tenant", "7"), Assert.Single(origin.Baggage!));
        Assert.Equal("night", origin.RunId);
        Assert.Equal(["header=traceparent:1"], _malformed.Counted);
    }

    [Theory]
    [MemberData(nameof(NoTraceStates))]
    public void A_malformed_tracestate_costs_itself_alone(object? value)
    {
        RecordOrigin origin = Extract(("traceparent", TraceParent), ("tracestate", value));

        Assert.Equal(Context(), origin.TraceContext);
        Assert.Equal(["header=tracestate:1"], _malformed.Counted);
    }

    [Fact]
    public void What_is_well_formed_at_the_beginning_of_a_tracestate_is_kept()
    {
        Assert.Equal("a=1", Extract(("traceparent", TraceParent), ("tracestate", "a=1,junk")).TraceContext.TraceState);
        Assert.Equal(["header=tracestate:1"], _malformed.Counted);
    }

    [Theory]
    [MemberData(nameof(NoBaggage))]
    public void Malformed_baggage_is_none_and_is_counted(object? value)
    {
        RecordOrigin origin = Extract(("traceparent", TraceParent), ("baggage", value));

        Assert.Equal(Context(), origin.TraceContext);
        Assert.Null(origin.Baggage);
        Assert.Equal(["header=baggage:1"], _malformed.Counted);
    }

    [Fact]
    public void Baggage_of_which_an_item_is_malformed_is_counted()
    {
        Assert.Equal([new("c", "3"), new("a", "1")], Extract(("baggage", "a=1, b=%ZZ, c=3")).Baggage!);
        Assert.Equal(["header=baggage:1"], _malformed.Counted);
    }

    [Theory]
    [MemberData(nameof(NoRunIds), DisableDiscoveryEnumeration = true)]
    public void A_malformed_run_id_is_none_and_is_counted(object? value)
    {
        RecordOrigin origin = Extract(("traceparent", TraceParent), (TraceHeaders.RunId, value));

        Assert.Equal(Context(), origin.TraceContext);
        Assert.Null(origin.RunId);
        Assert.Equal(["header=run_id:1"], _malformed.Counted);
    }

    [Fact]
    public void A_header_that_occurs_twice_is_malformed()
    {
        RecordOrigin origin = Extract(
            ("traceparent", TraceParent), ("Traceparent", TraceParent), ("tracestate", "a=1"), ("TRACESTATE", "a=1"),
            ("baggage", "a=1"), ("Baggage", "a=1"), (TraceHeaders.RunId, "night"), ("PipelineOps-Run-Id", "night"), ("other", 1), ("other", 2));

        Assert.Equal(default, origin);
        Assert.Equal(["header=traceparent:1", "header=tracestate:1", "header=baggage:1", "header=run_id:1"], _malformed.Counted);
    }

    [Fact]
    public void Headers_that_throw_while_they_are_read_are_malformed()
    {
        Assert.Equal(default, TraceHeaders.Extract(Throwing()));
        Assert.Equal(["header=headers:1"], _malformed.Counted);

        static IEnumerable<KeyValuePair<string, object?>> Throwing()
        {
            yield return new("traceparent", TraceParent);
            throw new InvalidOperationException("connection lost");
        }
    }

    [Fact]
    public void A_propagator_that_throws_costs_the_context_alone()
    {
        using var replaced = new ReplacedPropagator(new ThrowingPropagator());

        RecordOrigin origin = Extract(("traceparent", TraceParent), ("baggage", "a=1"), (TraceHeaders.RunId, "night"));

        Assert.Equal(new RecordOrigin { RunId = "night" }, origin);
        Assert.Equal(["header=headers:1"], _malformed.Counted);
    }

    [Fact]
    public void A_message_is_sent_without_the_context_that_a_propagator_fails_to_write()
    {
        using var replaced = new ReplacedPropagator(new ThrowingPropagator());
        using Activity activity = new Activity("produce").Start();
        using IDisposable run = new PipelineRun("night").Enter();
        var headers = new Dictionary<string, object?> { ["TraceParent"] = TraceParent, ["x"] = "1" };

        TraceHeaders.Inject(headers);

        Assert.Equal(new Dictionary<string, object?> { ["x"] = "1", [TraceHeaders.RunId] = "night" }, headers);
        Assert.Equal(["header=headers:1"], _malformed.Counted);
    }

    [Fact]
    public void A_propagator_without_fields_and_texts_costs_the_context_alone()
    {
        using var replaced = new ReplacedPropagator(new NullPropagator());
        using Activity activity = new Activity("produce").Start();
        var headers = new Dictionary<string, string> { ["TraceParent"] = TraceParent, ["x"] = "1" };

        TraceHeaders.Inject(headers);

        Assert.Equal([new("x", "1")], headers);
        Assert.Equal(default, TraceHeaders.Extract(headers));
    }

    [Fact]
    public void What_a_propagator_refuses_by_its_own_rules_is_not_malformed()
    {
        using var replaced = new ReplacedPropagator(new OwnPropagator());

        RecordOrigin origin = Extract(("traceparent", TraceParent), ("baggage", "secret=1,tenant=7"));

        Assert.Equal(default, origin.TraceContext);
        Assert.Equal([new("tenant", "7")], origin.Baggage!);
        Assert.Empty(_malformed.Counted);
    }

    [Fact]
    public void What_a_propagator_hands_on_unseen_is_checked()
    {
        using var replaced = new ReplacedPropagator(new OwnPropagator());

        Assert.Equal(Context(), Extract(("x-own-parent", TraceParent), ("tracestate", "junk\u0007")).TraceContext);
        Assert.Equal(default, Extract(("x-own-parent", "junk")).TraceContext);
        Assert.Equal(default, Extract(("x-own-parent", 12)).TraceContext);
        Assert.Equal(["header=traceparent:1", "header=tracestate:1", "header=headers:1"], _malformed.Counted);
    }

    [Fact]
    public void The_stale_headers_of_another_propagator_go_too()
    {
        using var replaced = new ReplacedPropagator(new OwnPropagator());
        using Activity activity = new Activity("produce").Start();
        Dictionary<string, object?> headers = new() { ["traceparent"] = TraceParent, ["X-OWN-PARENT"] = "stale", ["X-Undeclared"] = "stale" };

        TraceHeaders.Inject(headers);

        Assert.Equal([("x-own-parent", (object?)activity.Id), ("x-undeclared", "new")], headers.Select(h => (h.Key, h.Value)));
    }

    [Fact]
    public void Headers_that_cannot_be_written_are_the_callers_mistake()
    {
        using Activity activity = new Activity("produce").Start();

        Assert.Throws<NotSupportedException>(() => TraceHeaders.Inject(new ReadOnlyDictionary<string, object?>(new Dictionary<string, object?>())));
        Assert.Throws<ArgumentNullException>(() => TraceHeaders.Inject((IDictionary<string, object?>)null!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\r\nx-injected: 1")]
    [InlineData(" ")]
    [InlineData("01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890")]
    public void A_run_has_no_id_that_headers_cannot_carry(string id)
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load");

        Assert.Throws<ArgumentException>(() => new PipelineRun(id));
        Assert.Throws<ArgumentException>(() => Pipeline.Create(stage).BeginRun(id));
    }

    [Fact]
    public void No_headers_are_no_origin()
    {
        Assert.Equal(default, TraceHeaders.Extract((Dictionary<string, object?>?)null));
        Assert.Equal(default, TraceHeaders.Extract((IReadOnlyDictionary<string, string>?)null));
        Assert.Equal(default, TraceHeaders.Extract(new Dictionary<string, object?>()));
        Assert.Empty(_malformed.Counted);
    }

    [Fact]
    public void Empty_headers_that_W3C_allows_are_not_malformed()
    {
        Assert.Equal(Context(), Extract(("traceparent", TraceParent), ("tracestate", ""), ("baggage", " ")).TraceContext);
        Assert.Empty(_malformed.Counted);
    }

    [Fact]
    public void A_forwarded_message_keeps_nothing_of_its_old_context()
    {
        Dictionary<string, object?> headers = new()
        {
            ["TraceParent"] = TraceParent,
            ["traceparent"] = TraceParent,
            ["tracestate"] = "old=1",
            ["BAGGAGE"] = "old=1"u8.ToArray(),
            ["correlation-context"] = "old=1",
            ["PIPELINEOPS-RUN-ID"] = "yesterday",
            ["content-type"] = "application/json",
        };
        using Activity activity = new Activity("forward").Start();
        using IDisposable run = new PipelineRun("night").Enter();

        TraceHeaders.Inject(headers);

        Assert.Equal(
            [("content-type", "application/json"), (TraceHeaders.RunId, "night"), ("traceparent", activity.Id)],
            headers.OrderBy(h => h.Key, StringComparer.Ordinal).Select(h => (h.Key, (string?)h.Value)));
    }

    [Fact]
    public void Without_an_activity_or_a_run_headers_stay_as_they_are()
    {
        Dictionary<string, string> headers = new() { ["Traceparent"] = TraceParent, ["baggage"] = "a=1", [TraceHeaders.RunId] = "yesterday" };
        Dictionary<string, string> before = new(headers);

        TraceHeaders.Inject(headers);
        Assert.Equal(before, headers);

        using IDisposable run = new PipelineRun("night").Enter();
        TraceHeaders.Inject(headers, activity: null);

        before[TraceHeaders.RunId] = "night";
        Assert.Equal(before, headers);
    }

    [Fact]
    public void A_given_activity_is_written_instead_of_the_current_one()
    {
        using Activity given = new Activity("given").Start();
        using Activity current = new Activity("current").Start();
        Dictionary<string, object?> objects = [];
        Dictionary<string, string> strings = [];

        TraceHeaders.Inject(objects, given);
        TraceHeaders.Inject(strings, given);

        Assert.Equal(given.SpanId, TraceHeaders.Extract(objects).TraceContext.SpanId);
        Assert.Equal(given.SpanId, TraceHeaders.Extract(strings).TraceContext.SpanId);
    }

    [Theory]
    [InlineData("string")]
    [InlineData("bytes")]
    [InlineData("memory")]
    public void What_was_written_is_read(string carriedAs)
    {
        Dictionary<string, object?> headers = [];
        using Activity activity = new Activity("produce") { TraceStateString = "vendor=a-b:c, other@x=1", ActivityTraceFlags = ActivityTraceFlags.Recorded }
            .AddBaggage("tenant", "7")
            .Start();
        using (new PipelineRun("nächtlich 🌙").Enter())
            TraceHeaders.Inject(headers);

        RecordOrigin origin = TraceHeaders.Extract(Carried(headers, carriedAs)) with { Key = "7", EventTime = DateTimeOffset.UnixEpoch };

        ActivityContext context = origin.TraceContext;
        Assert.Equal((activity.TraceId, activity.SpanId, true), (context.TraceId, context.SpanId, context.IsRemote));
        Assert.Equal((ActivityTraceFlags.Recorded, "vendor=a-b:c, other@x=1"), (context.TraceFlags, context.TraceState));
        Assert.Equal([new("tenant", "7")], origin.Baggage!);
        Assert.Equal(("nächtlich 🌙", "7", DateTimeOffset.UnixEpoch), (origin.RunId, origin.Key, origin.EventTime));
        Assert.Empty(_malformed.Counted);
    }

    [Theory]
    [InlineData("a,b;c=d")]
    [InlineData("100 % \"quoted\" \\ back")]
    [InlineData("äß€ 漢字 🌙")]
    [InlineData("line\r\nbreak\t\0")]
    [InlineData("%41+%2C")]
    [InlineData("")]
    public void Odd_characters_in_baggage_arrive(string value)
    {
        Dictionary<string, object?> headers = [];
        using Activity activity = new Activity("produce").AddBaggage("first", "1").AddBaggage("odd-key!#$&'*+.^_`|~", value).AddBaggage("last", "2").Start();
        TraceHeaders.Inject(headers);

        // In the order in which they were added, and are to be added to the activity that goes on.
        Assert.Equal([new("first", "1"), new("odd-key!#$&'*+.^_`|~", value), new("last", "2")], TraceHeaders.Extract(Carried(headers, "bytes")).Baggage!);
        Assert.Empty(_malformed.Counted);
    }

    [Fact]
    public void Names_match_in_whatever_case()
    {
        RecordOrigin origin = Extract(("TRACEPARENT", TraceParent), ("TraceState", "a=1"), ("Baggage", "a=1"), ("PipelineOps-Run-ID", "night"));

        Assert.Equal(Context("a=1"), origin.TraceContext);
        Assert.Equal(("night", 1), (origin.RunId, origin.Baggage!.Count));
    }

    [Fact]
    public void Headers_that_can_be_read_only_once_are_read()
    {
        var headers = new Queue<KeyValuePair<string, string>>([new("traceparent", TraceParent), new("baggage", "a=1"), new(TraceHeaders.RunId, "night")]);

        RecordOrigin origin = TraceHeaders.Extract(Drain());

        Assert.Equal((Context(), "night", 1), (origin.TraceContext, origin.RunId, origin.Baggage!.Count));

        IEnumerable<KeyValuePair<string, string>> Drain()
        {
            while (headers.TryDequeue(out KeyValuePair<string, string> header))
                yield return header;
        }
    }

    [Fact]
    public void Headers_that_read_others_while_they_are_read_get_their_own()
    {
        RecordOrigin origin = TraceHeaders.Extract(Nested());

        Assert.Equal((Context(), (string?)null), (origin.TraceContext, origin.RunId));

        static IEnumerable<KeyValuePair<string, string>> Nested()
        {
            yield return new("traceparent", TraceParent);
            Assert.Equal("inner", TraceHeaders.Extract(new Dictionary<string, string> { [TraceHeaders.RunId] = "inner" }).RunId);
        }
    }

    [Fact]
    public void The_counter_is_there_from_the_first_use_on_with_every_header()
    {
        Assert.IsType<ObservableCounter<long>>(_malformed.Instrument);
        Assert.Equal("{header}", _malformed.Instrument.Unit);
        Assert.Equal(typeof(TraceHeaders).Assembly.GetName().Version!.ToString(3), _malformed.Instrument.Meter.Version);
        Assert.Equal(["header=traceparent", "header=tracestate", "header=baggage", "header=run_id", "header=headers"], _malformed.Tags);
    }

    [Fact]
    public void Headers_without_a_context_are_read_for_nothing()
    {
        Dictionary<string, object?> headers = new() { ["content-type"] = "application/json", ["attempt"] = 3 };
        TraceHeaders.Extract(headers);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            TraceHeaders.Extract(headers);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_consumer_goes_on_with_the_trace_of_the_producer()
    {
        using var source = new ActivitySource("Tests.Queue");
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Tests.Queue",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);

        Dictionary<string, object?> headers = [];
        using Activity produce = source.StartActivity("produce", ActivityKind.Producer)!;
        TraceHeaders.Inject(headers);
        produce.Stop();

        RecordOrigin origin = TraceHeaders.Extract(Carried(headers, "bytes"));
        using Activity consume = source.StartActivity("consume", ActivityKind.Consumer, origin.TraceContext)!;

        Assert.Equal((produce.TraceId, produce.SpanId), (consume.TraceId, consume.ParentSpanId));
        Assert.True(consume.HasRemoteParent);
    }

    private static ActivityContext Context(string? traceState = null) =>
        new(ActivityTraceId.CreateFromString(TraceId), ActivitySpanId.CreateFromString(SpanId), ActivityTraceFlags.Recorded, traceState, isRemote: true);

    private static RecordOrigin Extract(params (string Name, object? Value)[] headers) =>
        TraceHeaders.Extract(headers.Select(header => KeyValuePair.Create(header.Name, header.Value)));

    /// <summary>The headers as a broker delivers them.</summary>
    private static Dictionary<string, object?> Carried(Dictionary<string, object?> headers, string carriedAs) => headers.ToDictionary(
        header => header.Key,
        header => carriedAs switch
        {
            "bytes" => Encoding.UTF8.GetBytes((string)header.Value!),
            "memory" => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes((string)header.Value!),
            _ => header.Value,
        });
}
