using System.Diagnostics;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>A message of a queue.</summary>
internal sealed record Message(string Id)
{
    public Dictionary<string, object?> Headers { get; init; } = [];

    public DateTimeOffset? Time { get; init; }

    /// <summary>Has the stage read where such messages come from.</summary>
    public static void DescribeTo(StageOptions stage)
    {
        stage.Telemetry.DescribeOrigin<Message>(static m => TraceHeaders.Extract(m.Headers) with { Key = m.Id, EventTime = m.Time });
        stage.Recovery.Describe<Message>(static m => new RecordDescription { Key = m.Id });
    }

    /// <summary>Sends a message from a span of its own, as byte arrays, the way brokers hand headers over.</summary>
    public static (Message Message, ActivityContext Producer) Send(ActivitySource source, string id, params KeyValuePair<string, string>[] baggage)
    {
        using Activity producer = source.StartActivity($"send {id}", ActivityKind.Producer, parentContext: default)!;
        foreach ((string name, string value) in baggage)
            producer.AddBaggage(name, value);

        Dictionary<string, object?> headers = [];
        TraceHeaders.Inject(headers);
        foreach ((string name, object? value) in headers.ToArray())
            headers[name] = System.Text.Encoding.UTF8.GetBytes((string)value!);

        return (new Message(id) { Headers = headers }, producer.Context);
    }
}
