using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>Counts the malformed headers of the whole process: headers belong to no stage and to no container.</summary>
internal static class PropagationInstruments
{
    public const string MalformedName = "pipelineops.propagation.malformed";
    public const string MalformedUnit = "{header}";
    public const string MalformedDescription = "Headers of messages that were ignored, wholly or in part, because they were malformed or too long.";
    public const string HeaderTag = "header";

    private static readonly KeyValuePair<string, object?>[] Tags =
    [
        new(HeaderTag, "traceparent"),
        new(HeaderTag, "tracestate"),
        new(HeaderTag, "baggage"),
        new(HeaderTag, "run_id"),
        new(HeaderTag, "headers"),
    ];

    private static readonly long[] Malformed = new long[Tags.Length];

    private static readonly Meter Meter = new(PipelineOpsTelemetry.MeterName, typeof(PropagationInstruments).Assembly.GetName().Version?.ToString(3));

    /// <summary>Shows the instrument to listeners. To be called once.</summary>
    public static void Publish()
    {
        try
        {
            Meter.CreateObservableCounter(MalformedName, Observe, MalformedUnit, MalformedDescription);
        }
        catch (Exception)
        {
            // A listener's: thrown on, it would make every later use of the headers fail.
        }
    }

    public static void CountMalformed(PropagatedHeader header) => Interlocked.Increment(ref Malformed[(int)header]);

    private static Measurement<long>[] Observe()
    {
        var measurements = new Measurement<long>[Tags.Length];
        for (int i = 0; i < measurements.Length; i++)
            measurements[i] = new(Interlocked.Read(ref Malformed[i]), Tags[i]);

        return measurements;
    }
}
