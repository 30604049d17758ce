using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery;

/// <summary>The rules are those of CloudEvents 1.0.2: spec.md, formats/json-format.md and extensions/distributed-tracing.md.</summary>
public sealed partial class FailureCloudEventTests
{
    private const string TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    private static readonly FailureRecord Failure = new()
    {
        Id = new Guid("0190a6b0-7c00-7abc-8def-0123456789ab"),
        Fingerprint = "00ff00ff00ff00ff",
        Pipeline = "orders/eu",
        Stage = "load all",
        Disposition = Disposition.FailedUnknown,
        Reason = DispositionReason.Unreported,
        Category = ErrorCategory.BusinessRule,
        Strategy = RecoveryStrategy.DeadLetter,
        Severity = ErrorSeverity.High,
        RecordKey = "order-7",
        TraceParent = TraceParent,
        FirstFailedAt = new DateTimeOffset(2026, 3, 1, 13, 30, 0, TimeSpan.FromHours(1)),
        LastFailedAt = new DateTimeOffset(2026, 3, 1, 13, 30, 1, 500, TimeSpan.FromHours(1)),
        Host = "host-1",
        Process = "ingest/4711",
    };

    [Theory]
    [InlineData("", "")]
    [InlineData("null", "object")]
    [InlineData("[]", "object")]
    [InlineData("""{"specversion":"1.0"}""", "data")]
    [InlineData("""{"specversion":"1.0","data":null}""", "object")]
    [InlineData("""{"specversion":"1.0","data":"text"}""", "FailureRecord")]
    [InlineData("""{"specversion":"1.0","data":{}}""", "fingerprint")]
    [InlineData("""{"specversion":"1.0","data_base64":7}""", "data_base64")]
    [InlineData("""{"specversion":"1.0","data_base64":"?"}""", "data_base64")]
    [InlineData("""{"specversion":"1.0","\ud800":"\ud800"}""", "data")]
    [InlineData("""{"specversion":"\ud800"}""", "specversion")]
    [InlineData("""{"specversion":1}""", "specversion")]
    public void What_is_no_event_of_a_failure_is_refused(string text, string expected)
    {
        JsonException thrown = Assert.ThrowsAny<JsonException>(() => FailureCloudEvent.Deserialize(Encoding.UTF8.GetBytes(text)));

        Assert.Contains(expected, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("2.0")]
    public void Another_version_of_the_envelope_is_refused(string? version)
    {
        JsonObject json = Tree(Failure);
        json["specversion"] = version;

        Assert.ThrowsAny<JsonException>(() => FailureCloudEvent.Deserialize(Encoding.UTF8.GetBytes(json.ToJsonString())));
    }

    [Fact]
    public void Two_events_at_once_are_refused()
    {
        byte[] json = FailureCloudEvent.Serialize(Failure);

        Assert.ThrowsAny<JsonException>(() => FailureCloudEvent.Deserialize([.. json, .. json]));
    }

    [Fact]
    public void Bytes_that_were_damaged_are_read_or_refused_and_nothing_else()
    {
        Prop.ForAll(GeneratedFailures.All, Gen.ListOf(Gen.Choose(0, int.MaxValue)).ToArbitrary(), (failure, places) =>
        {
            byte[] json = FailureCloudEvent.Serialize(failure);
            foreach (int place in places)
                json[place % json.Length] = (byte)(place >> 8);

            try
            {
                Assert.NotNull(FailureCloudEvent.Deserialize(json).Exceptions);
            }
            catch (JsonException)
            {
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_failure_is_read_back_whole()
    {
        Prop.ForAll(GeneratedFailures.All, failure =>
            GeneratedFailures.Describe(failure) == GeneratedFailures.Describe(FailureCloudEvent.Deserialize(FailureCloudEvent.Serialize(failure))))
            .QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Every_event_keeps_the_rules_of_the_specification()
    {
        Prop.ForAll(GeneratedFailures.All, failure =>
        {
            byte[] line = FailureCloudEvent.Serialize(failure);
            JsonObject json = JsonNode.Parse(line)!.AsObject();
            foreach (string required in (string[])["specversion", "id", "source", "type"])
                Assert.NotEqual("", json[required]!.GetValue<string>());

            Assert.Equal(json.Count, new HashSet<string>(json.Select(p => p.Key)).Count);
            Assert.DoesNotContain((byte)'\n', line);
            Assert.True(Uri.IsWellFormedUriString(json["source"]!.GetValue<string>(), UriKind.Relative), json["source"]!.ToJsonString());
            foreach ((string name, JsonNode? value) in json.Where(p => p.Key != "data"))
            {
                Assert.Matches(AttributeName(), name);
                string text = value!.GetValue<string>();
                Assert.NotEqual("", text);
                foreach (Rune rune in text.EnumerateRunes())
                    Assert.False(Rune.IsControl(rune) || (rune.Value & 0xFFFE) == 0xFFFE || rune.Value is >= 0xFDD0 and <= 0xFDEF, $"{name}: U+{rune.Value:X}");
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_attributes_tell_what_a_router_needs()
    {
        JsonObject json = Tree(Failure);
        JsonNode data = json["data"]!.DeepClone();
        json.Remove("data");

        Assert.Equal(
            """
            {"specversion":"1.0","id":"0190a6b0-7c00-7abc-8def-0123456789ab","source":"/pipelines/orders%2Feu/stages/load%20all",
            "type":"pipelineops.record.failedunknown","subject":"order-7","time":"2026-03-01T12:30:01.5Z",
            "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","failurefingerprint":"00ff00ff00ff00ff",
            "failureseverity":"high","failurecategory":"businessrule","failurereason":"unreported","datacontenttype":"application/json"}
            """.ReplaceLineEndings(""),
            json.ToJsonString());
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(FailureJson.Serialize(Failure)), data));
        Assert.Equal(Failure.LastFailedAt, DateTimeOffset.Parse(json["time"]!.GetValue<string>(), CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Attributes_that_have_no_valid_value_are_left_out()
    {
        JsonObject json = Tree(Failure with { RecordKey = "", TraceParent = "none" });

        Assert.False(json.ContainsKey("subject"));
        Assert.False(json.ContainsKey("traceparent"));
    }

    [Fact]
    public void An_event_that_intermediaries_changed_within_the_rules_is_read()
    {
        JsonObject json = Tree(Failure);
        json.Remove("data");
        json["partitionkey"] = "7";
        json["data_base64"] = Convert.ToBase64String(FailureJson.Serialize(Failure));

        FailureRecord read = FailureCloudEvent.Deserialize(Encoding.UTF8.GetBytes(json.ToJsonString()));

        Assert.Equal(GeneratedFailures.Describe(Failure), GeneratedFailures.Describe(read));
    }

    // 20 characters are a recommendation, which nothing here has a reason to break.
    [GeneratedRegex("^[a-z0-9]{1,20}$")]
    private static partial Regex AttributeName();

    private static JsonObject Tree(FailureRecord failure) => JsonNode.Parse(FailureCloudEvent.Serialize(failure))!.AsObject();
}
