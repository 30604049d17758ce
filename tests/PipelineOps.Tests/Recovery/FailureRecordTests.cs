using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using PipelineOps.Tests.Stages;
using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Recovery;

/// <summary>What is kept of a record that did not succeed.</summary>
public sealed class FailureRecordTests
{
    private const string TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    private static readonly FieldInfo InnerException = typeof(Exception).GetField("_innerException", BindingFlags.Instance | BindingFlags.NonPublic)!;

    private static readonly DateTimeOffset Produced = new(2026, 3, 1, 12, 30, 0, 250, TimeSpan.Zero);

    private readonly ManualTimeProvider _time = new(new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero));
    private readonly KeepingStore _store = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Options_of_the_serializer_that_name_no_resolver_read_types_by_reflection()
    {
        FailureRecord failure = await Fail(
            new Order("7"),
            o => o.Recovery.Payload.Serializer = new JsonPayloadSerializer(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));

        Assert.Null(failure.Payload!.Error);
        Assert.Equal("""{"key":"7","position":null,"time":null}""", Text(failure.Payload));
    }

    [Fact]
    public async Task A_record_that_is_bytes_is_kept_and_redriven_as_it_is()
    {
        byte[] record = "{ \"not\": json \u00FF"u8.ToArray();
        using PipelineStage stage = Stage();

        FailureRecord array = await Fail(stage, record, Throw);
        FailureRecord memory = await Fail(stage, (ReadOnlyMemory<byte>)record, Throw);
        FailureRecord described = await Fail(record, o => o.Recovery.Describe<byte[]>(_ => new RecordDescription { ContentType = "application/avro" }));

        FailurePayload[] payloads = [array.Payload!, memory.Payload!, described.Payload!];
        Assert.All(payloads, payload => Assert.Equal(record, payload.Content.ToArray()));
        Assert.Equal(["application/octet-stream", "application/octet-stream", "application/avro"], payloads.Select(payload => payload.ContentType));
        Assert.Equal(record, JsonPayloadSerializer.Default.Deserialize<byte[]>(payloads[0].Content));
        Assert.Equal(record, JsonPayloadSerializer.Default.Deserialize<ReadOnlyMemory<byte>>(payloads[1].Content).ToArray());
    }

    [Fact]
    public async Task A_description_that_throws_costs_the_description_alone()
    {
        var loggers = new RecordingLoggers();

        FailureRecord failure = await Fail(new Order("7"), o =>
        {
            o.LoggerFactory = loggers;
            o.Recovery.Describe<Order>(_ => throw new InvalidOperationException("no key"));
        });

        Assert.Null(failure.RecordKey);
        Assert.Equal("""{"Key":"7","Position":null,"Time":null}""", Text(failure.Payload));
        Assert.Contains(loggers.Entries, e => e.Exception is InvalidOperationException { Message: "no key" });
    }

    [Fact]
    public async Task A_description_that_is_null_is_none()
    {
        FailureRecord failure = await Fail(new Order("7"), o => o.Recovery.Describe<Order>(_ => null!));

        Assert.Null(failure.RecordKey);
        Assert.NotNull(failure.Payload);
    }

    [Fact]
    public async Task Headers_that_throw_do_not_lose_the_failure()
    {
        FailureRecord failure = await Fail(new Order("7"), o => o.Recovery.Describe<Order>(_ => new() { Key = "7", Headers = new ThrowingHeaders() }));

        Assert.Empty(failure.Headers);
    }

    [Fact]
    public async Task A_serializer_that_throws_is_noted_and_the_failure_kept()
    {
        var loggers = new RecordingLoggers();

        FailureRecord failure = await Fail(new Order("7"), o =>
        {
            o.LoggerFactory = loggers;
            o.Recovery.Payload.Serializer = new ThrowingSerializer();
            o.Recovery.Describe<Order>(r => new() { Key = r.Key, SchemaVersion = "3" });
        });

        Assert.Equal("7", failure.RecordKey);
        Assert.Equal(0, failure.Payload!.Content.Length);
        Assert.Equal("The serializer threw System.NotSupportedException: cannot write", failure.Payload.Error);
        Assert.Equal("3", failure.Payload.SchemaVersion);
        Assert.False(failure.Payload.IsTruncated);
        Assert.Contains(loggers.Entries, e => e.Exception is NotSupportedException);
    }

    [Fact]
    public async Task Of_a_payload_whose_redaction_throws_nothing_is_kept()
    {
        var loggers = new RecordingLoggers();

        FailureRecord failure = await Fail("my secret", o =>
        {
            o.LoggerFactory = loggers;
            o.Recovery.Payload.Redact = payload => throw new FormatException(Text(payload));
        });

        Assert.Equal(0, failure.Payload!.Content.Length);
        Assert.Equal("The redaction threw System.FormatException.", failure.Payload.Error);
        Assert.DoesNotContain("secret", Encoding.UTF8.GetString(FailureJson.Serialize(failure)), StringComparison.Ordinal);
        Assert.Contains(loggers.Entries, e => e.Exception is FormatException);
    }

    [Fact]
    public async Task An_exception_that_throws_when_asked_is_kept_all_the_same()
    {
        FailureRecord failure = await Fail(new Order("7"), _ => throw new HostileException());

        FailureCause cause = Assert.Single(failure.Exceptions);
        Assert.Equal(typeof(HostileException).FullName, cause.Type);
        Assert.Contains(nameof(NotImplementedException), cause.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(NotImplementedException), failure.Stack!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exceptions_in_a_circle_end()
    {
        var exception = new IOException("outer", new IOException("inner"));
        InnerException.SetValue(exception.InnerException, exception);

        FailureRecord failure = await Fail(new Order("7"), _ => throw exception);

        Assert.Equal(["outer", "inner"], failure.Exceptions.Select(c => c.Message));
    }

    [Fact]
    public async Task Of_very_many_exceptions_the_first_are_kept()
    {
        Exception deep = new IOException("0");
        for (int i = 1; i < 100; i++)
            deep = new IOException($"{i}", deep);

        FailureRecord deepest = await Fail(new Order("7"), _ => throw deep);
        FailureRecord widest = await Fail(new Order("7"), _ => throw new AggregateException(Enumerable.Range(0, 100_000).Select(i => new IOException($"{i}"))));

        Assert.Equal(32, deepest.Exceptions.Count);
        Assert.Equal(Enumerable.Range(0, 32).Select(i => $"{99 - i}"), deepest.Exceptions.Select(c => c.Message));
        Assert.Equal(Enumerable.Range(0, 31).Select(i => $"{i}"), widest.Exceptions.Skip(1).Select(c => c.Message));
    }

    [Fact]
    public async Task Every_branch_of_an_aggregate_is_kept_with_its_depth()
    {
        var aggregate = new AggregateException(
            new IOException("a", new TimeoutException("a1")), new AggregateException(new FormatException("b1")), new IOException("c"));

        FailureRecord failure = await Fail(new Order("7"), _ => throw aggregate);

        Assert.Equal(
            [
                ("System.AggregateException", 0), ("System.IO.IOException", 1), ("System.TimeoutException", 2), ("System.AggregateException", 1),
                ("System.FormatException", 2), ("System.IO.IOException", 1),
            ],
            failure.Exceptions.Select(c => (c.Type, c.Depth)));
    }

    [Fact]
    public async Task A_failure_by_result_has_no_exceptions()
    {
        using PipelineStage stage = Stage(o => o.AddResultRule<int>(n => n < 0 ? ErrorClassification.DataQuality : null));

        RecordResult<int> result = await stage.ProcessAsync("r", static (_, _) => new ValueTask<int>(-1), Ct);

        FailureRecord failure = result.Failure!;
        Assert.Empty(failure.Exceptions);
        Assert.Null(failure.Stack);
        Assert.Equal(ErrorCategory.DataQuality, failure.Category);
        Assert.Matches("^[0-9a-f]{16}$", failure.Fingerprint);
    }

    [Fact]
    public async Task A_failure_holds_all_that_is_known()
    {
        byte[] received = "<order/>"u8.ToArray();
        var headers = new Dictionary<string, string> { ["tenant"] = "eu", ["empty"] = null! };
        int attempts = 0;

        FailureRecord failure = await Fail(
            new Order("7"),
            _ =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                throw new IOException($"attempt {++attempts}", new TimeoutException("slow"));
            },
            o =>
            {
                o.Retry.MaxRetries = 2;
                o.Recovery.Describe<Order>(r => new()
                {
                    Key = r.Key,
                    Position = "orders-3@12345",
                    Timestamp = Produced,
                    Payload = received,
                    ContentType = "application/xml",
                    SchemaVersion = "2",
                    Headers = headers,
                    TraceParent = TraceParent,
                });
            });
        received.AsSpan().Clear();
        headers.Clear();

        DateTimeOffset start = new(2026, 3, 2, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(("orders", "load"), (failure.Pipeline, failure.Stage));
        Assert.Null(failure.ParentId);
        Assert.Equal(0, failure.RedriveCount);
        Assert.Equal((Disposition.DeadLettered, DispositionReason.Exhausted), (failure.Disposition, failure.Reason));
        Assert.Equal((ErrorCategory.Transient, RecoveryStrategy.DeadLetter, ErrorSeverity.Medium), (failure.Category, failure.Strategy, failure.Severity));
        Assert.Equal([new FailureCause("System.IO.IOException", "attempt 3", 0), new FailureCause("System.TimeoutException", "slow", 1)], failure.Exceptions);
        Assert.Contains(nameof(A_failure_holds_all_that_is_known), failure.Stack!, StringComparison.Ordinal);
        Assert.Equal(("7", "orders-3@12345"), (failure.RecordKey, failure.SourcePosition));
        Assert.Equal("<order/>", Text(failure.Payload));
        Assert.Equal(("application/xml", "2", 8), (failure.Payload!.ContentType, failure.Payload.SchemaVersion, failure.Payload.OriginalLength));
        Assert.Equal((false, false, null), (failure.Payload.IsTruncated, failure.Payload.IsRedacted, failure.Payload.Error));
        Assert.Equal([KeyValuePair.Create("empty", ""), KeyValuePair.Create("tenant", "eu")], failure.Headers.OrderBy(h => h.Key, StringComparer.Ordinal));
        Assert.Equal([1, 2, 3], failure.Attempts.Select(a => a.Number));
        Assert.Equal([1, 2, 3], failure.Attempts.Select(a => (a.Time - start).TotalSeconds));
        Assert.All(failure.Attempts, a => Assert.Equal(("System.IO.IOException", 1), (a.ErrorType, a.BatchSize)));
        Assert.Equal((start.AddSeconds(1), start.AddSeconds(3)), (failure.FirstFailedAt, failure.LastFailedAt));
        Assert.Equal(Environment.MachineName, failure.Host);
        Assert.Equal($"{Assembly.GetEntryAssembly()!.GetName().Name}/{Environment.ProcessId}", failure.Process);
        Assert.Equal(Assembly.GetEntryAssembly()!.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion, failure.Version);
        Assert.Equal(TraceParent, failure.TraceParent);
        Assert.Same(failure, Assert.Single(_store.Kept));
        Assert.Equal(GeneratedFailures.Describe(failure), GeneratedFailures.Describe(FailureJson.Deserialize(FailureJson.Serialize(failure))));
    }

    [Fact]
    public async Task Without_a_trace_of_its_own_a_record_has_the_current_one()
    {
        using var activity = new Activity("consume");
        activity.SetIdFormat(ActivityIdFormat.W3C).Start();

        FailureRecord failure = await Fail(new Order("7"));

        Assert.Equal(activity.TraceId.ToString(), failure.TraceParent!.Split('-')[1]);
    }

    [Fact]
    public async Task Of_several_descriptions_the_nearest_counts()
    {
        static RecordDescription Named(string key) => new() { Key = key };
        void Describe(StageOptions o) => o.Recovery
            .Describe<object>(_ => Named("object"))
            .Describe<IComparable>(_ => Named("interface"))
            .Describe<Animal>(_ => Named("animal"))
            .Describe<Dog>(_ => Named("dog"))
            .Describe<Guid>(_ => Named("guid"));

        Assert.Equal("dog", (await Fail(new Puppy(), Describe)).RecordKey);
        Assert.Equal("dog", (await Fail<Animal>(new Dog(), Describe)).RecordKey);
        Assert.Equal("animal", (await Fail(new Animal(), Describe)).RecordKey);
        Assert.Equal("interface", (await Fail(17, Describe)).RecordKey);
        Assert.Equal("guid", (await Fail(Guid.Empty, Describe)).RecordKey);
        Assert.Equal("object", (await Fail(new object(), Describe)).RecordKey);
        Assert.Null((await Fail<string?>(null, Describe)).RecordKey);
    }

    [Fact]
    public async Task A_payload_is_redacted_before_it_is_cut()
    {
        FailureRecord failure = await Fail("x", o =>
        {
            o.Recovery.Payload.MaxBytes = 10;
            o.Recovery.Payload.Redact = payload => Encoding.UTF8.GetBytes(Text(payload).Replace("4711", "****", StringComparison.Ordinal));
            o.Recovery.Describe<string>(_ => new() { Payload = "card=4711471147114711"u8.ToArray(), ContentType = "text/plain" });
        });

        Assert.Equal("card=*****", Text(failure.Payload));
        Assert.Equal((true, true, 21), (failure.Payload!.IsRedacted, failure.Payload.IsTruncated, failure.Payload.OriginalLength));
    }

    [Fact]
    public async Task A_redaction_that_changes_nothing_leaves_no_mark()
    {
        FailureRecord failure = await Fail("x", o => o.Recovery.Payload.Redact = payload => payload.Content.ToArray());

        Assert.Equal("\"x\"", Text(failure.Payload));
        Assert.False(failure.Payload!.IsRedacted);
    }

    [Theory]
    [InlineData("text/plain", 10, "aä€😀", "aä€😀")]
    [InlineData("text/plain", 9, "aä€😀", "aä€")]
    [InlineData("text/plain", 7, "aä€😀", "aä€")]
    [InlineData("text/plain", 6, "aä€😀", "aä€")]
    [InlineData("text/plain", 5, "aä€😀", "aä")]
    [InlineData("application/json; charset=UTF-8", 4, "aä€😀", "aä")]
    [InlineData("application/problem+json", 2, "aä€😀", "a")]
    [InlineData("image/svg+xml", 1, "aä€😀", "a")]
    [InlineData("text/plain", 0, "aä€😀", "")]
    [InlineData("text/plain", 2, "€", "")]
    [InlineData("text/plain", 3, "😀", "")]
    public async Task A_cut_never_halves_a_character(string contentType, int maxBytes, string content, string expected)
    {
        byte[] received = Encoding.UTF8.GetBytes(content);

        FailureRecord failure = await Fail("x", o =>
        {
            o.Recovery.Payload.MaxBytes = maxBytes;
            o.Recovery.Describe<string>(_ => new() { Payload = received, ContentType = contentType });
        });

        Assert.Equal((expected, content != expected), (Text(failure.Payload), failure.Payload!.IsTruncated));
        Assert.Equal(Encoding.UTF8.GetByteCount(expected), failure.Payload.Content.Length);
        Assert.Equal(received.Length, failure.Payload.OriginalLength);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/avro")]
    [InlineData("text/plain; charset=utf-16")]
    public async Task What_is_no_UTF8_is_cut_to_the_byte(string? contentType)
    {
        FailureRecord failure = await Fail("x", o =>
        {
            o.Recovery.Payload.MaxBytes = 5;
            o.Recovery.Describe<string>(_ => new() { Payload = Encoding.UTF8.GetBytes("aä€😀"), ContentType = contentType });
        });

        Assert.Equal(5, failure.Payload!.Content.Length);
        Assert.Equal(contentType ?? "application/octet-stream", failure.Payload.ContentType);
    }

    [Fact]
    public async Task Nothing_is_kept_of_payloads_that_are_not_wanted()
    {
        FailureRecord failure = await Fail("secret", o => o.Recovery.Payload.Enabled = false);

        Assert.Null(failure.Payload);
    }

    [Fact]
    public async Task Options_that_change_later_change_nothing()
    {
        StageOptions options = Options(o => o.Recovery.Describe<Order>(_ => new() { Key = "before" }));
        using PipelineStage stage = PipelineStage.Create("orders", "load", options);
        options.Recovery.Payload.MaxBytes = 0;
        options.Recovery.Describe<Order>(_ => new() { Key = "after" });

        FailureRecord failure = await Fail(stage, new Order("7"), Throw);

        Assert.Equal("before", failure.RecordKey);
        Assert.False(failure.Payload!.IsTruncated);
    }

    [Fact]
    public async Task A_record_that_nothing_identifies_has_a_new_id_each_time()
    {
        Guid first = (await Fail(new Order(null))).Id;
        Guid second = (await Fail(new Order(null))).Id;

        Assert.NotEqual(first, second);
        Assert.Equal((7, _time.GetUtcNow()), (Version(first), TimeOf(first)));
    }

    [Fact]
    public async Task An_empty_key_or_position_identifies_nothing()
    {
        Guid first = (await Fail(new Order("", "", Produced), Describe)).Id;
        Guid second = (await Fail(new Order("", "", Produced), Describe)).Id;

        Assert.NotEqual(first, second);
    }

    [Fact]
    public async Task A_record_read_again_has_the_same_id_whatever_fails_then()
    {
        var order = new Order("7", "orders-3@12345", Produced);

        Guid first = (await Fail(order, Describe)).Id;
        _time.Advance(TimeSpan.FromDays(1));
        Guid second = (await Fail(order, static _ => throw new FormatException(), Describe)).Id;

        Assert.Equal(first, second);
        Assert.Equal((7, Produced), (Version(first), TimeOf(first)));
    }

    [Fact]
    public async Task Records_that_differ_in_anything_that_identifies_them_have_other_ids()
    {
        Order[] orders =
        [
            new("7", "1", Produced), new("8", "1", Produced), new("7", "2", Produced), new(null, "1", Produced), new("71", "", Produced),
            new("7", "1"), new("7", "2"), new(null, "7"), new("7", null, Produced), new("7", null, Produced.AddTicks(1)), new("7"), new("8"),
        ];
        var ids = new List<Guid>();
        foreach (Order order in orders)
            ids.Add((await Fail(order, Describe)).Id);

        using PipelineStage otherStage = PipelineStage.Create("orders", "send", Options(Describe));
        using PipelineStage otherPipeline = PipelineStage.Create("invoices", "load", Options(Describe));
        ids.Add((await Fail(otherStage, orders[0], Throw)).Id);
        ids.Add((await Fail(otherPipeline, orders[0], Throw)).Id);

        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Fact]
    public async Task Records_whose_position_is_only_that_of_their_file_are_failures_of_their_own()
    {
        static void DescribeFile(StageOptions o) => o.Recovery.Describe<Order>(_ => new() { Position = "orders.csv" });

        Guid first = (await Fail(new Order("7"), DescribeFile)).Id;
        Guid again = (await Fail(new Order("7"), DescribeFile)).Id;
        Guid next = (await Fail(new Order("8"), DescribeFile)).Id;

        Assert.Equal(first, again);
        Assert.NotEqual(first, next);
    }

    [Fact]
    public async Task Without_a_position_two_records_with_one_key_are_two_failures()
    {
        static void DescribeKey(StageOptions o) => o.Recovery.Describe<Order>(r => new() { Key = r.Key, Payload = Encoding.UTF8.GetBytes(r.Position!) });

        Guid first = (await Fail(new Order("customer-7", "name: A"), DescribeKey)).Id;
        Guid again = (await Fail(new Order("customer-7", "name: A"), DescribeKey)).Id;
        Guid next = (await Fail(new Order("customer-7", "name: B"), DescribeKey)).Id;

        Assert.Equal(first, again);
        Assert.NotEqual(first, next);
        Assert.Equal(8, Version(first));
    }

    [Fact]
    public async Task A_key_alone_is_not_enough_to_take_two_failures_for_one()
    {
        void DescribeKey(StageOptions o)
        {
            o.Recovery.Payload.Enabled = false;
            Describe(o);
        }

        Guid first = (await Fail(new Order("customer-7"), DescribeKey)).Id;
        Guid next = (await Fail(new Order("customer-7"), DescribeKey)).Id;

        Assert.NotEqual(first, next);
    }

    [Fact]
    public async Task A_time_that_no_id_can_hold_is_left_out()
    {
        Guid id = (await Fail(new Order("7", "1", DateTimeOffset.UnixEpoch.AddTicks(-1)), Describe)).Id;

        Assert.Equal(8, Version(id));
    }

    [Fact]
    public void Every_id_is_a_UUID_of_RFC_9562()
    {
        // Keys, positions and times of every kind.
        Gen<string?> texts = Gen.Elements<string?>(null, "", "a", "ä\ud800", "orders-3@1");
        Prop.ForAll(
            texts.ToArbitrary(),
            texts.ToArbitrary(),
            Gen.Choose(-1, 1_000_000_000).ToArbitrary(),
            (key, position, seconds) =>
            {
                DateTimeOffset? time = seconds < 0 ? null : DateTimeOffset.UnixEpoch.AddSeconds(seconds);
                Guid id = Fail(new Order(key, position, time), Describe).GetAwaiter().GetResult().Id;
                bool isNamed = position is { Length: > 0 } || key is { Length: > 0 };
                Assert.Equal(isNamed && time is null ? 8 : 7, Version(id));
                Assert.Contains(id.ToString()[19], "89ab");
                if (time is not null && isNamed)
                    Assert.Equal(time, TimeOf(id));
            }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public async Task Failures_that_differ_in_their_data_alone_have_one_fingerprint()
    {
        using PipelineStage stage = Stage();
        var fingerprints = new HashSet<string>();
        for (int i = 0; i < 1_000; i++)
            fingerprints.Add((await Fail(stage, new Order($"{i}"), static r => ThrowHere($"order {r.Key} at {Guid.NewGuid()}"))).Fingerprint);

        Assert.Matches("^[0-9a-f]{16}$", Assert.Single(fingerprints));
    }

    [Fact]
    public async Task A_failure_has_the_same_fingerprint_whichever_attempt_it_is()
    {
        using PipelineStage stage = Stage();
        using PipelineStage retrying = Stage(options => options.Retry = new RetryOptions { MaxRetries = 2, Backoff = Backoff.None });

        FailureRecord first = await Fail(stage, new Order("a"), static _ => throw new IOException());
        FailureRecord third = await Fail(retrying, new Order("a"), static _ => throw new IOException());
        FailureRecord later = await Fail(stage, new Order("a"), static async _ =>
        {
            await Task.Yield();
            throw new IOException();
        });

        Assert.Equal((1, 3), (first.Attempts.Count, third.Attempts.Count));
        Assert.Equal(first.Fingerprint, third.Fingerprint);
        Assert.Equal(first.Fingerprint, later.Fingerprint);
    }

    /// <summary>Hunts the moment at which the compiler, which has seen that the handler is hot, would inline it. That happens in its own time, hence the pauses.</summary>
    [Fact]
    public async Task A_failure_has_the_same_fingerprint_when_its_handler_is_hot()
    {
        using PipelineStage stage = Stage();
        var fingerprints = new HashSet<string>();
        for (int round = 0; round < 15; round++)
        {
            for (int i = 1; i <= 20_000; i++)
            {
                RecordResult result = await stage.ProcessAsync(i, static (number, _) => number % 20_000 == 0 ? throw new IOException() : default(ValueTask), Ct);
                if (result.Failure is { } failure)
                    fingerprints.Add(failure.Fingerprint);
            }

            await Task.Delay(70, Ct);
        }

        Assert.Single(fingerprints);
    }

    [Fact]
    public async Task A_failure_has_the_same_fingerprint_when_its_handler_is_hot_and_retried()
    {
        using PipelineStage stage = Stage(options => options.Retry = new RetryOptions { MaxRetries = 1, Backoff = Backoff.None });
        var fingerprints = new HashSet<string>();
        int attempts = 0;
        for (int round = 0; round < 15; round++)
        {
            for (int i = 1; i <= 3_000; i++)
            {
                attempts = 0;
                RecordResult result = await stage.ProcessAsync(
                    i, (number, _) => attempts++ == 0 || number == 3_000 ? throw new IOException() : default(ValueTask), Ct);
                if (result.Failure is { } failure)
                    fingerprints.Add(failure.Fingerprint);
            }

            await Task.Delay(70, Ct);
        }

        Assert.Single(fingerprints);
    }

    [Fact]
    public async Task A_failure_has_the_same_fingerprint_when_its_handler_is_hot_and_returns_a_task()
    {
        using PipelineStage stage = Stage();
        var fingerprints = new HashSet<string>();
        for (int round = 0; round < 15; round++)
        {
            for (int i = 1; i <= 10_000; i++)
            {
                RecordResult result = await stage.ProcessAsync(i, static Task (number, _) => number % 10_000 == 0 ? throw new IOException() : Task.CompletedTask, Ct);
                if (result.Failure is { } failure)
                    fingerprints.Add(failure.Fingerprint);
            }

            await Task.Delay(70, Ct);
        }

        Assert.Single(fingerprints);
    }

    [Fact]
    public async Task A_failure_has_the_same_fingerprint_when_its_batch_handler_is_hot()
    {
        using PipelineStage stage = Stage();
        var reporting = new HashSet<string>();
        var attempting = new HashSet<string>();
        for (int round = 0; round < 15; round++)
        {
            for (int i = 1; i <= 10_000; i++)
            {
                int[] batch = [i];
                Add(reporting, await stage.ProcessBatchAsync(
                    batch,
                    static (numbers, report, _) =>
                    {
                        report.OthersSucceeded();
                        return numbers[0] % 10_000 == 0 ? throw new IOException() : default(ValueTask);
                    },
                    cancellationToken: Ct));
                Add(attempting, await stage.ProcessBatchAsync(
                    batch, static (numbers, _, _, _) => numbers[0] % 10_000 == 0 ? throw new IOException() : default(ValueTask), 0, cancellationToken: Ct));
            }

            await Task.Delay(70, Ct);
        }

        Assert.Single(reporting);
        Assert.Single(attempting);

        static void Add(HashSet<string> fingerprints, BatchResult result)
        {
            if (result[0].Failure is { } failure)
                fingerprints.Add(failure.Fingerprint);
        }
    }

    [Fact]
    public async Task Other_places_have_other_fingerprints()
    {
        string[] fingerprints =
        [
            (await Fail(new Order("7"), static _ => ThrowHere("m"))).Fingerprint,
            (await Fail(new Order("7"), static _ => ThrowThere("m"))).Fingerprint,
            (await Fail(new Order("7"), static _ => ThrowLaterAsync("m"))).Fingerprint,
            (await Fail(new Order("7"), static _ => Wrap(static () => ThrowHere("m")))).Fingerprint,
            (await Fail(new Order("7"), static _ => Wrap(static () => ThrowThere("m")))).Fingerprint,
        ];

        Assert.Equal(fingerprints.Length, fingerprints.Distinct().Count());
    }

    [Fact]
    public async Task Other_stages_types_and_meanings_have_other_fingerprints()
    {
        using PipelineStage otherStage = PipelineStage.Create("orders", "send", Options());
        using PipelineStage otherPipeline = PipelineStage.Create("invoices", "load", Options());
        using PipelineStage otherMeaning = Stage(o => o.ErrorClassifier = ErrorClassifier.Create(c => c.Map<IOException>(ErrorCategory.BusinessRule)));
        string[] fingerprints =
        [
            (await Fail(new Order("7"), static _ => ThrowOneOf(new IOException()))).Fingerprint,
            (await Fail(new Order("7"), static _ => ThrowOneOf(new IOException("m", new IOException())))).Fingerprint,
            (await Fail(new Order("7"), static _ => ThrowOneOf(new TimeoutException()))).Fingerprint,
            (await Fail(otherStage, new Order("7"), static _ => ThrowOneOf(new IOException()))).Fingerprint,
            (await Fail(otherPipeline, new Order("7"), static _ => ThrowOneOf(new IOException()))).Fingerprint,
            (await Fail(otherMeaning, new Order("7"), static _ => ThrowOneOf(new IOException()))).Fingerprint,
        ];

        Assert.Equal(fingerprints.Length, fingerprints.Distinct().Count());
    }

    [Fact]
    public async Task How_a_failure_came_about_does_not_change_its_fingerprint()
    {
        using PipelineStage once = Stage();
        using PipelineStage thrice = Stage(o => o.Retry.MaxRetries = 2);
        static ValueTask Handler(Order order) => ThrowAtDepth(int.Parse(order.Key!, null));
        static async ValueTask Asynchronous(Order order)
        {
            if (order.Key == "later")
                await Task.Yield();

            await ThrowHere("m");
        }

        Assert.Equal((await Fail(once, new Order("0"), Handler)).Fingerprint, (await Fail(thrice, new Order("0"), Handler)).Fingerprint);
        Assert.Equal((await Fail(once, new Order("0"), Handler)).Fingerprint, (await Fail(once, new Order("50"), Handler)).Fingerprint);
        Assert.Equal((await Fail(once, new Order("now"), Asynchronous)).Fingerprint, (await Fail(thrice, new Order("later"), Asynchronous)).Fingerprint);
    }

    [Fact]
    public async Task How_many_branches_of_an_aggregate_failed_first_does_not_change_its_fingerprint()
    {
        static ValueTask Handler(Order order)
        {
            Exception format = Record.Exception((Action)(static () => throw new FormatException()))!;
            Exception overflow = Record.Exception((Action)(static () => throw new OverflowException()))!;
            return ThrowOneOf(order.Key == "1" ? new AggregateException(format, overflow) : new AggregateException(overflow, format, new FormatException()));
        }

        Assert.Equal((await Fail(new Order("1"), Handler)).Fingerprint, (await Fail(new Order("2"), Handler)).Fingerprint);
    }

    [Fact]
    public async Task A_record_that_fails_again_when_it_is_redriven_goes_on_from_its_first_failure()
    {
        using PipelineStage described = Stage(o => o.Recovery.Describe<string>(_ => new()
        {
            Key = "7",
            Position = "orders-3@12345",
            Payload = "\"as  received\""u8.ToArray(),
            ContentType = "application/json",
            SchemaVersion = "2",
            Headers = new Dictionary<string, string> { ["tenant"] = "eu" },
            TraceParent = TraceParent,
        }));
        FailureRecord first = await Fail(described, "as received", Throw);
        _time.Advance(TimeSpan.FromHours(1));

        FailureRecord second = await Redrive<string>(first);
        _time.Advance(TimeSpan.FromHours(1));
        FailureRecord third = await Redrive<string>(second);

        Assert.Equal((first.Id, 1), (second.ParentId, second.RedriveCount));
        Assert.Equal((second.Id, 2), (third.ParentId, third.RedriveCount));
        Assert.Equal([0, 1, 2], third.Attempts.Select(a => (a.Time - first.FirstFailedAt).TotalHours));
        Assert.Equal((first.FirstFailedAt, first.LastFailedAt.AddHours(2)), (third.FirstFailedAt, third.LastFailedAt));
        Assert.Equal(("7", "orders-3@12345", TraceParent), (third.RecordKey, third.SourcePosition, third.TraceParent));
        Assert.Equal(("tenant", "eu"), (Assert.Single(third.Headers).Key, third.Headers["tenant"]));
        Assert.Equal(("\"as  received\"", "application/json", "2"), (Text(third.Payload), third.Payload!.ContentType, third.Payload.SchemaVersion));
        Assert.Equal(3, new HashSet<Guid> { first.Id, second.Id, third.Id }.Count);
        Assert.All([second, third], f => Assert.Equal((7, first.FirstFailedAt), (Version(f.Id), TimeOf(f.Id))));
    }

    [Fact]
    public async Task A_redrive_that_is_done_over_has_the_same_id()
    {
        FailureRecord first = await Fail("r");

        Guid redriven = (await Redrive<string>(first)).Id;
        _time.Advance(TimeSpan.FromHours(1));
        Guid doneOver = (await Redrive<string>(first)).Id;

        Assert.Equal(redriven, doneOver);
    }

    [Fact]
    public async Task What_a_description_says_counts_for_more_than_the_failure_that_was_redriven()
    {
        FailureRecord first = await Fail(new Order("7", "1"), Describe);

        FailureRecord second = await Redrive<Order>(first, o => o.Recovery.Describe<Order>(r => new() { Key = $"{r.Key}b", Payload = "new"u8.ToArray() }));

        Assert.Equal(("7b", "1", "new"), (second.RecordKey, second.SourcePosition, Text(second.Payload)));
    }

    [Fact]
    public async Task A_redacted_record_is_redriven_only_if_what_is_left_may_be_processed()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"failures-{Guid.NewGuid():N}");
        try
        {
            using FileFailureStore store = FileFailureStore.Open(folder, new FileFailureStoreOptions { TimeProvider = _time });
            using PipelineStage stage = Stage(o =>
            {
                o.Recovery.FailureStore = store;
                o.Recovery.Payload.Redact = static _ => "\"***\""u8.ToArray();
            });
            await Fail(stage, "secret", static _ => throw new FormatException());
            List<string> processed = [];

            RedriveSummary refused = await Redrive(new RedriveOptions());
            RedriveSummary allowed = await Redrive(new RedriveOptions { AllowRedacted = true });

            Assert.Equal((1, 0), (refused.Failed, refused.Redriven));
            Assert.Contains("AllowRedacted", Assert.Single(refused.Errors).Exception.Message, StringComparison.Ordinal);
            Assert.Equal((1, "***"), (allowed.Redriven, Assert.Single(processed)));

            async Task<RedriveSummary> Redrive(RedriveOptions options) => await stage.RedriveAsync<string>(
                (record, _) =>
                {
                    processed.Add(record);
                    return default;
                },
                options,
                Ct);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_redacted_payload_is_not_redacted_again()
    {
        void Redact(StageOptions o) => o.Recovery.Payload.Redact = payload => Encoding.UTF8.GetBytes($"\"[{Text(payload).Length}]\"");
        FailureRecord first = await Fail("secret", Redact);

        FailureRecord second = await Redrive<string>(first, Redact);

        Assert.Equal(("\"[8]\"", true), (Text(second.Payload), second.Payload!.IsRedacted));
    }

    [Fact]
    public async Task A_payload_that_was_kept_before_there_was_a_redaction_is_redacted_when_it_is_redriven()
    {
        FailureRecord first = await Fail("secret");

        FailureRecord second = await Redrive<string>(first, o => o.Recovery.Payload.Redact = _ => "\"***\""u8.ToArray());

        Assert.Equal(("\"***\"", true), (Text(second.Payload), second.Payload!.IsRedacted));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask ThrowHere(string message) => throw new IOException(message);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask ThrowThere(string message) => throw new IOException(message);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask ThrowOneOf(Exception exception) => throw exception;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask ThrowAtDepth(int depth)
    {
        if (depth == 0)
            throw new IOException();

        ValueTask task = ThrowAtDepth(depth - 1);
        GC.KeepAlive(task);
        return task;
    }

    private static async ValueTask ThrowLaterAsync(string message)
    {
        await Task.Yield();
        throw new IOException(message);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask Wrap(Func<ValueTask> action)
    {
        try
        {
            return action();
        }
        catch (IOException exception)
        {
            throw new IOException("wrapped", exception);
        }
    }

    private static ValueTask Throw<T>(T record) => throw new IOException();

    private static void Describe(StageOptions options) =>
        options.Recovery.Describe<Order>(r => new() { Key = r.Key, Position = r.Position, Timestamp = r.Time });

    private static int Version(Guid id) => id.ToString()[14] - '0';

    private static DateTimeOffset TimeOf(Guid id) => DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64(id.ToString("N")[..12], 16));

    private static string Text(FailurePayload? payload) => Encoding.UTF8.GetString(payload!.Content.Span);

    private StageOptions Options(Action<StageOptions>? configure = null) => TestStage.Options(_time, o =>
    {
        o.Retry.MaxRetries = 0;
        o.Recovery.FailureStore = _store;
        configure?.Invoke(o);
    });

    private PipelineStage Stage(Action<StageOptions>? configure = null) => PipelineStage.Create("orders", "load", Options(configure));

    private Task<FailureRecord> Fail<T>(T record, Action<StageOptions>? configure = null) => Fail(record, Throw, configure);

    private async Task<FailureRecord> Fail<T>(T record, Func<T, ValueTask> handler, Action<StageOptions>? configure = null)
    {
        using PipelineStage stage = Stage(configure);
        return await Fail(stage, record, handler);
    }

    private static async Task<FailureRecord> Fail<T>(PipelineStage stage, T record, Func<T, ValueTask> handler)
    {
        RecordResult result = await stage.ProcessAsync(record, (r, _) => handler(r), Ct);
        Assert.NotNull(result.Failure);
        return result.Failure;
    }

    private async Task<FailureRecord> Redrive<T>(FailureRecord failure, Action<StageOptions>? configure = null)
    {
        string folder = Path.Combine(Path.GetTempPath(), $"failures-{Guid.NewGuid():N}");
        try
        {
            using FileFailureStore store = FileFailureStore.Open(folder, new FileFailureStoreOptions { TimeProvider = _time });
            await store.AppendAsync([failure], Ct);
            using PipelineStage stage = Stage(o =>
            {
                o.Recovery.FailureStore = store;
                configure?.Invoke(o);
            });

            await stage.RedriveAsync<T>(static (record, _) => Throw(record), new RedriveOptions { Filter = new FailureFilter { Id = failure.Id }, AllowRedacted = true }, Ct);

            var open = new List<FailureRecord>();
            await foreach (StoredFailure stored in store.ReadAsync(new FailureFilter { Status = FailureStatus.Open }, Ct))
                open.Add(stored.Record);

            return Assert.Single(open);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed record Order(string? Key, string? Position = null, DateTimeOffset? Time = null);

    private class Animal;

    private class Dog : Animal;

    private sealed class Puppy : Dog, IComparable
    {
        public int CompareTo(object? obj) => 0;
    }

    private sealed class HostileException : Exception
    {
        public override string Message => throw new NotImplementedException();

        public override string? StackTrace => throw new NotImplementedException();
    }

    private sealed class ThrowingSerializer : IPayloadSerializer
    {
        public string ContentType => "application/avro";

        public ReadOnlyMemory<byte> Serialize<T>(T record) => throw new NotSupportedException("cannot write");

        public T Deserialize<T>(ReadOnlyMemory<byte> content) => throw new NotSupportedException();
    }

    private sealed class ThrowingHeaders : Dictionary<string, string>, IReadOnlyDictionary<string, string>
    {
        int IReadOnlyCollection<KeyValuePair<string, string>>.Count => throw new InvalidOperationException();
    }

    private sealed class KeepingStore : IFailureStore
    {
        private readonly List<FailureRecord> _kept = [];

        public IReadOnlyList<FailureRecord> Kept => _kept;

        public ValueTask AppendAsync(IReadOnlyList<FailureRecord> failures, CancellationToken cancellationToken = default)
        {
            lock (_kept)
                _kept.AddRange(failures);

            return default;
        }

        public IAsyncEnumerable<StoredFailure> ReadAsync(FailureFilter filter, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<FailureGroup>> GroupAsync(FailureFilter filter, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<StoredFailure>> ClaimAsync(
            FailureFilter filter, int maxCount, FailureLease lease, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<bool> ResolveAsync(Guid id, string? owner, FailureResolution resolution, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<bool> DecideAsync(Guid id, FailureDecision decision, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<int> PurgeAsync(FailureFilter filter, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
