using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery;

public sealed class FailureJsonTests
{
    private static readonly FailureRecord Small = new()
    {
        Id = new Guid("0190a6b0-7c00-7abc-8def-0123456789ab"),
        Fingerprint = "00ff00ff00ff00ff",
        Pipeline = "orders",
        Stage = "load",
        Disposition = Disposition.DeadLettered,
        Reason = DispositionReason.Exhausted,
        Category = ErrorCategory.DataQuality,
        Strategy = RecoveryStrategy.RetryWithBackoff,
        Severity = ErrorSeverity.High,
        FirstFailedAt = new DateTimeOffset(2026, 3, 1, 13, 30, 0, TimeSpan.FromHours(1)),
        LastFailedAt = new DateTimeOffset(2026, 3, 1, 12, 30, 1, 500, TimeSpan.Zero),
        Host = "host-1",
        Process = "ingest/4711",
    };

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("12")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("not json")]
    public void What_is_no_failure_is_refused(string text) => Assert.ThrowsAny<JsonException>(() => Read(text));

    [Theory]
    [InlineData("id")]
    [InlineData("fingerprint")]
    [InlineData("pipeline")]
    [InlineData("stage")]
    [InlineData("disposition")]
    [InlineData("reason")]
    [InlineData("category")]
    [InlineData("strategy")]
    [InlineData("severity")]
    [InlineData("firstFailedAt")]
    [InlineData("lastFailedAt")]
    [InlineData("host")]
    [InlineData("process")]
    public void A_missing_member_is_named(string name)
    {
        JsonObject json = Tree(Small);
        Assert.True(json.Remove(name));

        JsonException thrown = Assert.ThrowsAny<JsonException>(() => Read(json.ToJsonString()));

        Assert.Contains(name, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fingerprint")]
    [InlineData("pipeline")]
    [InlineData("stage")]
    [InlineData("host")]
    [InlineData("process")]
    public void A_member_that_must_not_be_null_is_named(string name)
    {
        JsonObject json = Tree(Small);
        json[name] = null;

        JsonException thrown = Assert.ThrowsAny<JsonException>(() => Read(json.ToJsonString()));

        Assert.Contains(name, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exceptions", """[{"message":"m","depth":0}]""", "type")]
    [InlineData("exceptions", """[{"type":"t","depth":0}]""", "message")]
    [InlineData("exceptions", """[{"type":null,"message":"m"}]""", "type")]
    [InlineData("exceptions", "[null]", "exceptions")]
    [InlineData("attempts", """[{"time":"2026-03-01T12:30:00Z","errorType":"t"}]""", "number")]
    [InlineData("attempts", """[{"number":1,"errorType":"t"}]""", "time")]
    [InlineData("attempts", """[{"number":1,"time":"2026-03-01T12:30:00Z"}]""", "errorType")]
    [InlineData("attempts", "[null]", "attempts")]
    [InlineData("headers", """{"a":null}""", "headers")]
    [InlineData("payload", """{"text":"t"}""", "contentType")]
    [InlineData("payload", """{"contentType":"t"}""", "base64")]
    [InlineData("payload", """{"contentType":"t","text":7}""", "text")]
    [InlineData("payload", """{"contentType":"t","base64":"?"}""", "payload")]
    [InlineData("payload", """{"contentType":"t","text":"","isTruncated":1}""", "payload")]
    [InlineData("payload", """{"contentType":"t","text":"\ud800"}""", "payload")]
    [InlineData("payload", """{"contentType":"t","\ud800":""}""", "payload")]
    [InlineData("payload", "[]", "payload")]
    [InlineData("lastFailedAt", "\"yesterday\"", "lastFailedAt")]
    [InlineData("lastFailedAt", "17", "lastFailedAt")]
    [InlineData("severity", "\"enormous\"", "severity")]
    public void A_part_that_is_wrong_is_named(string name, string value, string expected)
    {
        JsonObject json = Tree(Small);
        json[name] = "(here)";

        JsonException thrown = Assert.ThrowsAny<JsonException>(() => Read(json.ToJsonString().Replace("\"(here)\"", value, StringComparison.Ordinal)));

        Assert.Contains(expected, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_were_damaged_are_read_or_refused_and_nothing_else()
    {
        Prop.ForAll(GeneratedFailures.All, Gen.ListOf(Gen.Choose(0, int.MaxValue)).ToArbitrary(), (failure, places) =>
        {
            byte[] json = FailureJson.Serialize(failure);
            foreach (int place in places)
                json[place % json.Length] = (byte)(place >> 8);

            try
            {
                Assert.NotNull(FailureJson.Deserialize(json).Exceptions);
            }
            catch (JsonException)
            {
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        Prop.ForAll(GeneratedFailures.All, failure =>
            GeneratedFailures.Describe(failure) == GeneratedFailures.Describe(FailureJson.Deserialize(FailureJson.Serialize(failure))))
            .QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_failure_is_one_line_of_valid_UTF8_and_written_the_same_to_a_buffer()
    {
        Prop.ForAll(GeneratedFailures.All, failure =>
        {
            byte[] line = FailureJson.Serialize(failure);
            var buffer = new ArrayBufferWriter<byte>();
            FailureJson.Serialize(failure, buffer);

            return !line.AsSpan().ContainsAnyInRange((byte)0, (byte)31)
                && new UTF8Encoding(false, throwOnInvalidBytes: true).GetCharCount(line) > 0
                && line.AsSpan().SequenceEqual(buffer.WrittenSpan);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_small_failure_leaves_out_what_it_does_not_have()
    {
        string json = Encoding.UTF8.GetString(FailureJson.Serialize(Small));

        Assert.Equal(
            """
            {"id":"0190a6b0-7c00-7abc-8def-0123456789ab","redriveCount":0,"fingerprint":"00ff00ff00ff00ff","pipeline":"orders","stage":"load"
            ,"disposition":"deadLettered","reason":"exhausted","category":"dataQuality","strategy":"retryWithBackoff","severity":"high"
            ,"firstFailedAt":"2026-03-01T12:30:00Z","lastFailedAt":"2026-03-01T12:30:01.5Z","host":"host-1","process":"ingest/4711"}
            """.ReplaceLineEndings(""),
            json);
    }

    [Fact]
    public void A_full_failure_has_every_member_in_a_form_that_people_read()
    {
        FailureRecord failure = Small with
        {
            ParentId = new Guid("0190a6b0-7c00-7abc-8def-0123456789aa"),
            RedriveCount = 1,
            Run = "run-1",
            Exceptions = [new FailureCause("System.IO.IOException", "Größe <7> & \"mehr\" €", 0), new FailureCause("T", "m", 1)],
            Stack = "at A\nat B",
            RecordKey = "order-7",
            SourcePosition = "orders-3@12345",
            Payload = new FailurePayload
            {
                Content = "{\"a\":1}"u8.ToArray(),
                ContentType = "application/json",
                SchemaVersion = "2",
                OriginalLength = 9,
                IsTruncated = true,
                IsRedacted = true,
                Error = "e",
            },
            Headers = new Dictionary<string, string> { ["X-Tenant"] = "t" },
            Attempts = [new FailureAttempt(2, Small.LastFailedAt, TimeSpan.FromMilliseconds(1500), "System.IO.IOException", 5)],
            Version = "1.0.0+abc",
            TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        };

        string json = Encoding.UTF8.GetString(FailureJson.Serialize(failure));

        Assert.Equal(
            """
            {"id":"0190a6b0-7c00-7abc-8def-0123456789ab","parentId":"0190a6b0-7c00-7abc-8def-0123456789aa","redriveCount":1
            ,"fingerprint":"00ff00ff00ff00ff","pipeline":"orders","stage":"load","run":"run-1"
            ,"disposition":"deadLettered","reason":"exhausted","category":"dataQuality","strategy":"retryWithBackoff","severity":"high"
            ,"exceptions":[{"type":"System.IO.IOException","message":"Größe <7> & \"mehr\" €","depth":0},{"type":"T","message":"m","depth":1}]
            ,"stack":"at A\nat B","recordKey":"order-7","sourcePosition":"orders-3@12345"
            ,"payload":{"contentType":"application/json","schemaVersion":"2","text":"{\"a\":1}"
            ,"originalLength":9,"isTruncated":true,"isRedacted":true,"error":"e"}
            ,"headers":{"X-Tenant":"t"}
            ,"attempts":[{"number":2,"time":"2026-03-01T12:30:01.5Z","delay":"00:00:01.5000000","errorType":"System.IO.IOException","batchSize":5}]
            ,"firstFailedAt":"2026-03-01T12:30:00Z","lastFailedAt":"2026-03-01T12:30:01.5Z","host":"host-1","process":"ingest/4711","version":"1.0.0+abc"
            ,"traceParent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
            """.ReplaceLineEndings(""),
            json);
    }

    [Theory]
    [InlineData(new byte[0], "text")]
    [InlineData(new byte[] { 0x09, 0x0d, 0x0a, 0xc3, 0xa4 }, "text")]
    [InlineData(new byte[] { 0x00 }, "base64")]
    [InlineData(new byte[] { 0x1b, 0x5b }, "base64")]
    [InlineData(new byte[] { 0x7f }, "base64")]
    [InlineData(new byte[] { 0xc2, 0x85 }, "base64")]
    [InlineData(new byte[] { 0xc3 }, "base64")]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 }, "base64")]
    public void Content_is_text_only_if_people_can_read_it(byte[] content, string member)
    {
        JsonObject payload = Tree(Small with { Payload = new FailurePayload { Content = content, ContentType = "x/y" } })["payload"]!.AsObject();

        Assert.True(payload.ContainsKey(member), payload.ToJsonString());
        Assert.False(payload.ContainsKey(member == "text" ? "base64" : "text"), payload.ToJsonString());
    }

    [Fact]
    public void Members_of_a_later_version_are_ignored()
    {
        JsonObject json = Tree(Small with
        {
            Payload = new FailurePayload { Content = "a"u8.ToArray(), ContentType = "x/y" },
            Exceptions = [new FailureCause("T", "m", 0)],
        });
        json["payload"]!["later"] = new JsonObject { ["text"] = "not this" };
        json["exceptions"]![0]!["later"] = 1;
        json["later"] = new JsonArray(1, 2);

        FailureRecord read = Read(json.ToJsonString());

        Assert.Equal("a", Encoding.UTF8.GetString(read.Payload!.Content.Span));
        Assert.Equal("T", Assert.Single(read.Exceptions).Type);
    }

    [Fact]
    public void Members_that_may_be_left_out_get_their_defaults()
    {
        JsonObject json = Tree(Small);
        json.Remove("redriveCount");
        json["exceptions"] = null;
        json["attempts"] = JsonNode.Parse("""[{"number":1,"time":"2026-03-01T12:30:00Z","errorType":"t"}]""");
        json["payload"] = JsonNode.Parse("""{"contentType":"x/y","text":"four"}""");

        FailureRecord read = Read(json.ToJsonString());

        Assert.Equal(0, read.RedriveCount);
        Assert.Empty(read.Exceptions);
        Assert.Empty(read.Headers);
        Assert.Equal(new FailureAttempt(1, new DateTimeOffset(2026, 3, 1, 12, 30, 0, TimeSpan.Zero), TimeSpan.Zero, "t"), Assert.Single(read.Attempts));
        Assert.Equal(4, read.Payload!.OriginalLength);
    }

    [Fact]
    public void A_header_name_that_no_UTF8_can_hold_does_not_lose_the_failure()
    {
        FailureRecord read = FailureJson.Deserialize(FailureJson.Serialize(Small with { Headers = new Dictionary<string, string> { ["a\ud800"] = "v" } }));

        Assert.Equal("v", read.Headers["a\ufffd"]);
    }

    [Fact]
    public void An_enum_value_without_a_name_is_kept_as_its_number()
    {
        FailureRecord read = FailureJson.Deserialize(FailureJson.Serialize(Small with { Category = (ErrorCategory)29 }));

        Assert.Equal((ErrorCategory)29, read.Category);
    }

    private static FailureRecord Read(string json) => FailureJson.Deserialize(Encoding.UTF8.GetBytes(json));

    private static JsonObject Tree(FailureRecord failure) => JsonNode.Parse(FailureJson.Serialize(failure))!.AsObject();
}
