using System.Collections;
using PipelineOps.Tests.Processing;

namespace PipelineOps.Tests.Telemetry;

public sealed class LogDetailTests : IDisposable
{
    private readonly ScopedLog _log = new();

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task A_redaction_that_throws_leaves_the_detail_out_and_is_reported_as_often_as_other_callbacks()
    {
        using ProcessingStage stage = Stage(static o =>
        {
            o.Telemetry.LogBurst = 2;
            o.Telemetry.RedactDetail = static (name, text) => name == "tenant" ? text : throw new InvalidOperationException("redaction");
        });

        for (int i = 0; i < 5; i++)
            await stage.Fail(Error());
        stage.Dispose();

        Assert.Equal(2, _log.Of("RecordKept").Length);
        Assert.All(_log.Of("RecordKept"), static line => Assert.Equal(["Data.tenant"], Details(line).Keys));
        Assert.Equal(2, _log.Of("CallbackFailed").Length);
        Assert.All(_log.Of("CallbackFailed"), static line => Assert.Contains("the redaction of a logged detail threw", line.Message, StringComparison.Ordinal));
        Assert.Contains(_log.Messages("Repeated"), static message => message.Contains("2 more CallbackFailed (System.InvalidOperationException)", StringComparison.Ordinal));
        Assert.DoesNotContain(_log.Lines, static line => line.Message.Contains("secret", StringComparison.Ordinal) || line.Values.Values.Contains("secret"));
    }

    [Fact]
    public async Task A_secret_across_the_cut_is_redacted_as_a_whole()
    {
        using ProcessingStage stage = Stage(static o => o.Telemetry.RedactDetail = static (_, text) => text.Replace("4711-0815", "***", StringComparison.Ordinal));

        await stage.Process(new string('x', 1_019) + "4711-0815", static (_, _) => throw new FormatException());

        string payload = (string)Assert.Single(_log.Of("RecordKept")).Values["Payload"]!;
        Assert.Equal(1_024, payload.Length);
        Assert.DoesNotContain("4711", payload, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Details_are_left_out_unless_asked_for()
    {
        using ProcessingStage stage = Stage(static o => o.Telemetry.LogDetails = false);

        await stage.Fail(Error());

        Assert.Empty(Details(Assert.Single(_log.Lines)));
    }

    [Fact]
    public async Task Of_a_record_whose_line_is_not_written_no_detail_is_asked_for()
    {
        using var quiet = new ScopedLog(Microsoft.Extensions.Logging.LogLevel.None);
        int asked = 0;
        using ProcessingStage stage = Stage(o =>
        {
            o.LoggerFactory = quiet.Loggers;
            o.Telemetry.RedactDetail = (_, text) => $"{text}{asked++}";
        });

        await stage.Fail(Error());

        Assert.Equal(0, asked);
        Assert.Empty(quiet.Lines);
    }

    [Fact]
    public async Task Details_go_through_the_redaction_under_their_names()
    {
        var asked = new List<(string, string)>();
        using ProcessingStage stage = Stage(o => o.Telemetry.RedactDetail = (name, text) =>
        {
            asked.Add((name, text));
            return name switch { "password" => null, "Payload" => "***", _ => text };
        });

        await stage.Fail(Error());

        Assert.Equal([("Payload", "\"record\""), ("tenant", "7"), ("password", "secret")], asked);
        Assert.Equal(new() { ["Payload"] = "***", ["Data.tenant"] = "7" }, Details(Assert.Single(_log.Lines)));
    }

    [Fact]
    public async Task Without_a_redaction_details_are_written_as_they_are()
    {
        using ProcessingStage stage = Stage(static _ => { });

        await stage.Fail(new AggregateException(new FormatException("outer", Error()), new FormatException { Data = { ["line"] = 3.5, ["tenant"] = "hidden", [1] = "not named", ["none"] = null } }));

        Assert.Equal(new() { ["Payload"] = "\"record\"", ["Data.tenant"] = "7", ["Data.password"] = "secret", ["Data.line"] = "3.5" }, Details(Assert.Single(_log.Of("RecordKept"))));
    }

    [Fact]
    public async Task Only_the_beginning_of_a_payload_is_written()
    {
        using ProcessingStage stage = Stage(static _ => { });

        // The character at the limit has two halves, of which none is written alone.
        await Keep(stage, [.. System.Text.Encoding.UTF8.GetBytes(new string('ä', 1_023)), .. "😀"u8]);

        Assert.Equal(new string('ä', 1_023), Details(_log.Lines.Single())["Payload"]);
    }

    [Fact]
    public async Task A_payload_that_is_no_text_is_written_in_base64()
    {
        using ProcessingStage stage = Stage(static _ => { });
        byte[] payload = [.. Enumerable.Range(0, 5_000).Select(static i => (byte)(255 - (i % 256)))];

        await Keep(stage, payload);
        await Keep(stage, [.. "caf"u8, 0xE9]);

        Assert.Equal([Convert.ToBase64String(payload, 0, 768), Convert.ToBase64String([.. "caf"u8, 0xE9])], _log.Lines.Select(static line => Details(line)["Payload"]));
        Assert.Equal(1_024, ((string)Details(_log.Lines.First())["Payload"]!).Length);
    }

    [Fact]
    public async Task A_payload_that_was_cut_within_a_character_is_still_text()
    {
        using ProcessingStage stage = Stage(static o => o.Recovery.Payload.MaxBytes = 4);

        await Keep(stage, "caffé"u8.ToArray());
        await Keep(stage, "café!"u8.ToArray());

        Assert.Equal(["caff", "caf"], _log.Lines.Select(static line => Details(line)["Payload"]));
    }

    [Fact]
    public async Task Exceptions_with_data_that_throws_cost_their_details_alone()
    {
        using ProcessingStage stage = Stage(static _ => { });

        await stage.Fail(new HostileException());
        await stage.Fail(new FormatException { Data = { ["hostile"] = new Hostile(), ["tenant"] = 7 } });

        Assert.Equal([["Payload"], ["Payload", "Data.tenant"]], _log.Of("RecordKept").Select(static line => Details(line).Keys.ToArray()));
        Assert.Equal(2, _log.Of("CallbackFailed").Length);
    }

    private static FormatException Error() => new() { Data = { ["tenant"] = 7, ["password"] = "secret" } };

    private static Task<RecordResult> Keep(ProcessingStage stage, byte[] record) =>
        stage.Stage.ProcessAsync(record, static (_, _) => ValueTask.FromException(new FormatException()), ProcessingStage.Token).InTime();

    private static Dictionary<string, object?> Details(ScopedLine line) =>
        line.Values.Where(static value => value.Key == "Payload" || value.Key.StartsWith("Data", StringComparison.Ordinal)).ToDictionary();

    private ProcessingStage Stage(Action<StageOptions> configure) => new(o =>
    {
        o.LoggerFactory = _log.Loggers;
        o.Telemetry.LogDetails = true;
        configure(o);
    });

    private sealed class HostileException : FormatException
    {
        public override IDictionary Data => throw new NotSupportedException("data");
    }

    private sealed class Hostile
    {
        public override string ToString() => throw new NotSupportedException("text");
    }
}
