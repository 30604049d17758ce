using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Processing;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry.Catalog;

/// <summary>The catalogue against what stages really measure and log.</summary>
public sealed partial class TelemetryCatalogTests : IDisposable
{
    // The process has one of these, for headers belong to no stage and no container: it is not made by a stage's factory of meters.
    private const string OfTheProcess = "pipelineops.propagation.malformed";

    private readonly ManualTimeProvider _time = new();
    private readonly MeterProbe _meter = new MeterProbe().Listen();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> AtZero => new()
    {
        { "pipelineops.calls", "outcome=succeeded,outcome=succeeded_after_retry,outcome=failed_without_retry,outcome=failed_after_retries" },
        { "pipelineops.attempts", string.Empty },
        { "pipelineops.retries", "category=unknown,category=transient,category=throttled,category=resource" },
        { "pipelineops.retries.exhausted", string.Empty },
        { "pipelineops.retries.denied", string.Empty },
        {
            "pipelineops.records",
            "disposition=succeeded,disposition=filtered,disposition=quarantined,disposition=dead_lettered,disposition=parked,disposition=failed_unknown,disposition=returned"
        },
        {
            "pipelineops.failures.stored",
            "category=unknown,category=transient,category=throttled,category=resource,category=data_quality,category=schema,category=business_rule,category=defect"
        },
        { "pipelineops.circuit.rejections", string.Empty },
        { "pipelineops.concurrency.rejections", string.Empty },
    };

    public void Dispose() => _meter.Dispose();

    [Fact]
    public void Every_instrument_is_in_the_catalogue_and_is_what_that_says()
    {
        using PipelineStage one = Measured();
        using PipelineStage other = PipelineStage.Create("orders", "other", TestStage.Options(_time, o => o.MeterFactory = _meter));

        Assert.Equal(PipelineOpsTelemetry.MeterName, Assert.Single(_meter.Meters).Name);
        Assert.Equal(
            TelemetryCatalog.Instruments.Where(static i => i.Name != OfTheProcess).Select(Line).Order(StringComparer.Ordinal),
            _meter.Instruments.Select(Line).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_instrument_of_the_process_is_what_the_catalogue_says()
    {
        var found = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Name == OfTheProcess && instrument.Meter.Scope is null)
                    found.Add(instrument);
            },
        };
        TraceHeaders.Extract(new Dictionary<string, object?>());

        listener.Start();

        Assert.Equal(Line(TelemetryCatalog.Instruments.Single(static i => i.Name == OfTheProcess)), Line(Assert.Single(found)));
        Assert.Equal(PipelineOpsTelemetry.MeterName, found[0].Meter.Name);
    }

    [Fact]
    public async Task Every_measurement_has_the_tags_of_the_catalogue_in_its_order()
    {
        await BeBusyAsync();
        _meter.Observe(string.Empty);

        var described = TelemetryCatalog.Instruments.ToDictionary(static i => i.Name, StringComparer.Ordinal);
        Assert.Empty(_meter.All.Select(measured => Problem(described[measured.Instrument], measured)).OfType<string>().Distinct());
        Assert.Empty(TelemetryCatalog.Instruments
            .Where(static i => i.Tags.Any(static tag => tag.Name == "stage")).Select(static i => i.Name).Except(_meter.All.Select(static m => m.Instrument)));
        Assert.Contains(_meter.All, static m => m.Tags.Contains("error.type", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(AtZero))]
    public void A_counter_of_a_stage_that_has_done_nothing_starts_at_zero(string counter, string tags)
    {
        using PipelineStage stage = Measured(static o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.Concurrency.MaxConcurrent = 1;
        });

        string[] expected = [.. tags.Split(',').Select(static tag => tag.Length == 0 ? "pipeline=orders,stage=load" : $"pipeline=orders,stage=load,{tag}")];
        IReadOnlyList<Measured> observed = _meter.Observe(counter);
        Assert.All(observed, static m => Assert.Equal(0, m.Value));
        Assert.Equal(expected.Order(StringComparer.Ordinal), observed.Select(static m => m.Tags).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_changes_of_a_circuits_state_start_at_zero_each()
    {
        using PipelineStage stage = Measured(static o => o.CircuitBreaker.Enabled = true);

        IReadOnlyList<Measured> observed = _meter.Observe("pipelineops.circuit.transitions");

        Assert.All(observed, static m => Assert.Equal(0, m.Value));
        Assert.Equal(
            [
                "closed>isolated", "closed>open", "half_open>closed", "half_open>isolated", "half_open>open", "isolated>closed", "open>closed", "open>half_open", "open>isolated",
            ],
            observed.Select(static m => m.Tags.Split(',')[2..]).Select(static tags => $"{tags[0]["from=".Length..]}>{tags[1]["to=".Length..]}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_log_events_are_those_of_the_catalogue()
    {
        LoggerMessageAttribute[] written = [.. typeof(PipelineStage).Assembly.GetTypes()
            .SelectMany(static type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(static method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>()
            .DistinctBy(static message => (message.EventId, message.EventName, message.Level)).OrderBy(static message => message.EventId)];
        IReadOnlyList<LogEventDescription> described = TelemetryCatalog.LogEvents;

        Assert.NotEmpty(written);
        Assert.Equal(written.Select(static message => (message.EventId, message.EventName)), described.Select(static logged => (logged.Id, (string?)logged.Name)));

        // A level that is one word is the event's own; otherwise it depends on what the words say.
        string[] levels = Enum.GetNames<LogLevel>();
        Assert.Equal(
            written.Select(static message => message.Level is LogLevel.None or (LogLevel)(-1) ? string.Empty : message.Level.ToString()),
            described.Select(logged => levels.Contains(logged.Level) ? logged.Level : string.Empty));
    }

    [Fact]
    public void The_first_page_says_how_many_instruments_there_are() => Assert.Contains(
        $"| {TelemetryCatalog.Instruments.Count} instruments:", File.ReadAllText(Path.Combine(Repository.Root, "README.md")), StringComparison.Ordinal);

    [Fact]
    public void Nothing_is_in_the_catalogue_twice()
    {
        Assert.Distinct(TelemetryCatalog.Instruments.Select(static i => i.Name));
        Assert.Distinct(TelemetryCatalog.Spans.Select(static span => span.Name));
        Assert.Distinct(TelemetryCatalog.LogEvents.Select(static logged => logged.Id));
        Assert.Distinct(TelemetryCatalog.LogEvents.Select(static logged => logged.Name));
        Assert.All(TelemetryCatalog.Instruments, static i => Assert.Distinct(i.Tags.Select(static tag => tag.Name)));
        Assert.All(TelemetryCatalog.Spans, static span => Assert.Distinct(span.Attributes.Select(static attribute => attribute.Name)));
    }

    [Fact]
    public void Descriptions_are_sentences_and_meanings_are_sentences_without_their_full_stop()
    {
        Assert.All(TelemetryCatalog.Instruments, static i => Assert.Matches(Sentence(), i.Description));
        string[] meanings =
        [
            .. TelemetryCatalog.Instruments.SelectMany(static i => i.Tags).Select(static tag => tag.Meaning),
            .. TelemetryCatalog.Spans.SelectMany(static span => span.Attributes).Select(static attribute => attribute.Meaning),
            .. TelemetryCatalog.Spans.SelectMany(static span => span.Events).Select(static happened => happened.Meaning),
            .. TelemetryCatalog.Spans.Select(static span => span.Meaning),
            .. TelemetryCatalog.LogEvents.Select(static logged => logged.Meaning),
        ];
        Assert.All(meanings, static meaning => Assert.Matches(Phrase(), meaning));
    }

    [Fact]
    public void Names_are_of_one_pattern()
    {
        Assert.All(TelemetryCatalog.Instruments, static i => Assert.Matches(InstrumentName(), i.Name));
    }

    [Fact]
    public void Tags_are_few_and_none_grows_with_the_records()
    {
        Assert.All(TelemetryCatalog.Instruments, static i => Assert.True(i.Tags.Count <= 4, i.Name));
        Assert.DoesNotContain(
            TelemetryCatalog.Instruments.SelectMany(static i => i.Tags),
            static tag => tag.Name.Split('.', '_').Any(static word => word is "run" or "record" or "trace" or "span" or "id" or "key" or "failure" or "fingerprint" or "message"));
    }

    [Fact]
    public void Histograms_alone_have_buckets_and_those_ascend()
    {
        Assert.All(TelemetryCatalog.Instruments, static i =>
        {
            Assert.Equal(i.Kind == InstrumentKind.Histogram, i.Buckets.Count > 0);
            Assert.Equal(i.Buckets.Distinct().Order(), i.Buckets);
        });
    }

    private static string Line(InstrumentDescription i) =>
        FormattableString.Invariant($"{i.Name} [{i.Unit}] {i.Kind}: {i.Description} {string.Join(' ', i.Buckets)}");

    private static string Line(Instrument i) => FormattableString.Invariant($"{i.Name} [{i.Unit}] {Kind(i)}: {i.Description} {Buckets(i)}");

    private static InstrumentKind Kind(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" or "ObservableCounter" => InstrumentKind.Counter,
        "UpDownCounter" or "ObservableUpDownCounter" => InstrumentKind.UpDownCounter,
        "Gauge" or "ObservableGauge" => InstrumentKind.Gauge,
        "Histogram" => InstrumentKind.Histogram,
        string other => throw new InvalidOperationException($"{other} is of no kind that the catalogue has."),
    };

    private static string Buckets(Instrument instrument) => instrument switch
    {
        Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds } => string.Join(' ', bounds.Select(static bound => FormattableString.Invariant($"{bound}"))),
        Histogram<long> { Advice.HistogramBucketBoundaries: { } bounds } => string.Join(' ', bounds),
        _ => string.Empty,
    };

    private static string? Problem(InstrumentDescription described, Measured measured)
    {
        string[][] tags = [.. measured.Tags.Split(',').Select(static tag => tag.Split('=', 2))];
        string[] names = [.. tags.Select(static tag => tag[0])];
        IEnumerable<string> expected = described.Tags.Where(tag => !tag.IsOptional || names.Contains(tag.Name)).Select(static tag => tag.Name);
        if (!names.SequenceEqual(expected))
            return $"{measured.Instrument} has the tags {measured.Tags}.";

        return tags.Any(tag => described.Tags.Single(known => known.Name == tag[0]).Values is { Count: > 0 } values && !values.Contains(tag[1]))
            ? $"{measured.Instrument} has a value that is not in the catalogue: {measured.Tags}."
            : null;
    }

    private PipelineStage Measured(Action<StageOptions>? configure = null) => TestStage.Create(_time, o =>
    {
        o.MeterFactory = _meter;
        configure?.Invoke(o);
    });

    /// <summary>Has every kind of call and of record, so that every instrument of a stage measures something.</summary>
    private async Task BeBusyAsync()
    {
        var store = new BreakableStore();
        using PipelineStage stage = Measured(o =>
        {
            o.Retry.MaxRetries = 1;
            o.Retry.Budget = new RetryBudget(initialTokens: 2, tokensPerSuccess: 0);
            o.CircuitBreaker.Enabled = true;
            o.Concurrency.MaxConcurrent = 1;
            o.Recovery.FailureStore = store;
            o.Telemetry.DescribeOrigin<string>(key => new RecordOrigin { Key = key, EventTime = _time.GetUtcNow() });
            o.AddResultRule<string>(static _ => ErrorClassification.DataQuality);
        });
        _meter.Observe(string.Empty);

        await stage.TryExecuteAsync(new Flaky().Invoke, Ct).InTime();
        await stage.TryExecuteAsync(new Flaky(new IOException()).Invoke, Ct).InTime();
        await stage.TryExecuteAsync(new Flaky(new FormatException()).Invoke, Ct).InTime();
        await stage.TryExecuteAsync(static _ => new ValueTask<string>("bad"), Ct).InTime();
        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct).InTime();
        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct).InTime();
        Assert.Equal((1, 2), (Total("pipelineops.retries.denied"), Total("pipelineops.retries.exhausted")));

        var gate = new TaskCompletionSource<int>();
        Task<int> holding = stage.ExecuteAsync(_ => gate.Task, Ct).InTime();
        Assert.True((await stage.TryExecuteAsync(new Flaky().Invoke, Ct).InTime()).IsRejected);
        gate.SetResult(1);
        await holding;

        stage.Circuit!.Isolate();
        Assert.True((await stage.TryExecuteAsync(new Flaky().Invoke, Ct).InTime()).IsRejected);
        stage.Circuit.Reset();

        await stage.ProcessAsync("good", static (_, _) => default, Ct).InTime();
        await Fail(new FormatException());
        await Fail(new InvalidCastException());
        Assert.Equal([Disposition.Quarantined, Disposition.DeadLettered], store.Kept.Select(static kept => kept.Disposition));

        var handling = new BatchHandling { Bad = { 3 } };
        Assert.True((await stage.ProcessBatchAsync([1, 2, 3, 4, 5], handling.Handle, BatchEffect.Atomic, Ct).InTime()).Calls > 1);
        handling.Bad.Clear();
        handling.Capacity = 2;
        await stage.ProcessBatchAsync([1, 2, 3, 4, 5], handling.Handle, BatchEffect.Atomic, Ct).InTime();

        store.Break(new ObjectDisposedException("store"));
        await Fail(new FormatException());

        _meter.Observe(string.Empty);

        Task<RecordResult> Fail(Exception error) => stage.ProcessAsync("bad", (_, _) => ValueTask.FromException(error), Ct).InTime();

        int Total(string counter) => (int)_meter.Observe(counter).Sum(static m => m.Value);
    }

    [GeneratedRegex(@"^pipelineops(\.[a-z_]+)+$")]
    private static partial Regex InstrumentName();

    // A full stop only at the end.
    [GeneratedRegex(@"^[A-Z0-9][^\n|.]*\.$")]
    private static partial Regex Sentence();

    // A full stop only within a name.
    [GeneratedRegex(@"^\S([^\n|.]|\.(?=\w))*[^\s.]$")]
    private static partial Regex Phrase();
}
