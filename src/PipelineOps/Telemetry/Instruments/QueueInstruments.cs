using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>The instruments of queues, by the pipelines whose queues they observe.</summary>
internal static class QueueInstruments
{
    public static void Create(Meter meter, MeteredPipelines pipelines)
    {
        meter.Observe(TelemetryCatalog.QueueLength, () => Read(pipelines, LengthOf));
        meter.Observe(TelemetryCatalog.QueueOldestAge, () => Read(pipelines, AgeOf));
    }

    private static List<Measurement<T>> Read<T>(MeteredPipelines pipelines, Func<IEnumerable<ObservedQueue>, T?> read)
        where T : struct
    {
        List<Measurement<T>> measurements = [];
        foreach (MeteredPipeline pipeline in pipelines.Read())
        {
            foreach (IGrouping<string, ObservedQueue> queue in pipeline.Queues.Counted())
            {
                if (read(queue) is { } value)
                    measurements.Add(new(value, pipeline.Tag, new("queue", queue.Key)));
            }
        }

        return measurements;
    }

    // Of a sum whose part is unknown the rest is no sum: a backlog would seem to shrink. Every part is asked all the same, so that each fault is reported.
    private static long? LengthOf(IEnumerable<ObservedQueue> parts) => parts.Select(static part => part.ReadLength()).ToArray().Aggregate((long?)0, static (sum, length) => sum + length);

    private static double? AgeOf(IEnumerable<ObservedQueue> parts) => parts.Max(static part => part.ReadOldestAge()?.TotalSeconds);
}
