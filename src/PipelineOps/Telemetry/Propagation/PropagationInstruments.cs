using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>Counts the malformed headers of the whole process: headers belong to no stage and to no container.</summary>
internal static class PropagationInstruments
{
    // By PropagatedHeader.
    private static readonly KeyValuePair<string, object?>[] Tags = [.. TelemetryCatalog.PropagationMalformed.Tags[0].Values
        .Select(static header => new KeyValuePair<string, object?>(TelemetryCatalog.PropagationMalformed.Tags[0].Name, header))];

    private static readonly long[] Malformed = new long[Tags.Length];

    private static readonly Meter Meter = new(PipelineOpsTelemetry.MeterName, PipelineOpsTelemetry.Version);

    /// <summary>Shows the instrument to listeners. To be called once.</summary>
    public static void Publish()
    {
        try
        {
            Meter.Observe<long>(TelemetryCatalog.PropagationMalformed, Observe);
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
