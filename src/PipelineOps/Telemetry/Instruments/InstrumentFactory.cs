using System.Diagnostics.Metrics;

namespace PipelineOps;

/// <summary>Makes instruments from the catalogue's entries, which are the only place that says what they are.</summary>
internal static class InstrumentFactory
{
    public static Histogram<T> CreateHistogram<T>(this Meter meter, InstrumentDescription description)
        where T : struct => meter.CreateHistogram(
            description.Name,
            description.Unit,
            description.Description,
            tags: null,
            new InstrumentAdvice<T> { HistogramBucketBoundaries = [.. description.Buckets.Select(static bound => (T)Convert.ChangeType(bound, typeof(T), provider: null))] });

    /// <summary>Makes an instrument that is asked for its values.</summary>
    public static ObservableInstrument<T> Observe<T>(this Meter meter, InstrumentDescription description, Func<IEnumerable<Measurement<T>>> observe)
        where T : struct
    {
        if (!PipelineOpsTelemetry.IsSupported)
            observe = static () => [];

        return description.Kind switch
        {
            InstrumentKind.Counter => meter.CreateObservableCounter(description.Name, observe, description.Unit, description.Description),
            InstrumentKind.UpDownCounter => meter.CreateObservableUpDownCounter(description.Name, observe, description.Unit, description.Description),
            InstrumentKind.Gauge => meter.CreateObservableGauge(description.Name, observe, description.Unit, description.Description),
            _ => throw new ArgumentOutOfRangeException(nameof(description), description.Kind, "A histogram is not observed."),
        };
    }
}
