using OpenTelemetry.Metrics;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>One series of one collection, copied: the SDK uses its points again.</summary>
/// <param name="Name">The metric's name.</param>
/// <param name="Unit">The metric's unit.</param>
/// <param name="Type">The metric's type.</param>
/// <param name="Tags">The series' tags, as <c>name=value,…</c>, in the order of their names.</param>
/// <param name="Value">The value; a histogram's count.</param>
internal sealed record Series(string Name, string Unit, MetricType Type, string Tags, double Value)
{
    public double Sum { get; private init; }

    /// <summary>A histogram's buckets, by their upper bounds.</summary>
    public IReadOnlyList<(double Bound, long Count)> Buckets { get; private init; } = [];

    /// <summary>The scale of an exponential histogram.</summary>
    public int? Scale { get; private init; }

    public IReadOnlyList<Exemplar> Exemplars { get; private init; } = [];

    /// <summary>The value of a tag.</summary>
    public string? this[string tag] => Tags.Split(',').FirstOrDefault(t => t.StartsWith($"{tag}=", StringComparison.Ordinal))?[(tag.Length + 1)..];

    public bool Has(string tag) => Tags.Split(',').Contains(tag);

    public static Series Of(Metric metric, in MetricPoint point)
    {
        List<string> tags = [];
        foreach (KeyValuePair<string, object?> tag in point.Tags)
            tags.Add($"{tag.Key}={tag.Value}");

        tags.Sort(StringComparer.Ordinal);
        var series = new Series(metric.Name, metric.Unit, metric.MetricType, string.Join(',', tags), ValueOf(metric.MetricType, in point))
        {
            Exemplars = ExemplarsOf(in point),
        };
        if (metric.MetricType == MetricType.Histogram)
        {
            List<(double, long)> buckets = [];
            foreach (HistogramBucket bucket in point.GetHistogramBuckets())
                buckets.Add((bucket.ExplicitBound, bucket.BucketCount));

            return series with { Sum = point.GetHistogramSum(), Buckets = buckets };
        }

        return metric.MetricType == MetricType.ExponentialHistogram
            ? series with { Sum = point.GetHistogramSum(), Scale = point.GetExponentialHistogramData().Scale }
            : series;
    }

    private static double ValueOf(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic => point.GetSumLong(),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => point.GetSumDouble(),
        MetricType.LongGauge => point.GetGaugeLastValueLong(),
        MetricType.DoubleGauge => point.GetGaugeLastValueDouble(),
        _ => point.GetHistogramCount(),
    };

    private static List<Exemplar> ExemplarsOf(in MetricPoint point)
    {
        List<Exemplar> exemplars = [];
        if (point.TryGetExemplars(out ReadOnlyExemplarCollection found))
        {
            foreach (ref readonly Exemplar exemplar in found)
                exemplars.Add(exemplar);
        }

        return exemplars;
    }
}
