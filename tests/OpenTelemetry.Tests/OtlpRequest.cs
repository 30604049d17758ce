namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>What an OTLP exporter sends, as opentelemetry-proto v1 numbers its fields.</summary>
internal static class OtlpRequest
{
    // Of ExportTraceServiceRequest and ExportMetricsServiceRequest alike: resources, their scopes, and what those tell.
    private const int Resources = 1;
    private const int Resource = 1;
    private const int Scopes = 2;
    private const int Scope = 1;
    private const int Items = 2;

    public static IEnumerable<OtlpSpan> Spans(byte[] request) => Read<OtlpSpan>(request, static (service, scope, span) =>
    [
        new OtlpSpan(service, scope, span.Text(5))
        {
            TraceId = span.Hex(1),
            SpanId = span.Hex(2),
            ParentSpanId = span.Hex(4),
            Kind = span.Number(6),
            Attributes = Attributes(span, 9),
            Events = [.. span.Messages(11).Select(static e => e.Text(2))],
            Links = [.. span.Messages(13).Select(static link => (link.Hex(1), link.Hex(2)))],
            StatusMessage = span.Message(15)?.Text(2) ?? string.Empty,
            StatusCode = span.Message(15)?.Number(3) ?? 0,
        },
    ]);

    public static IEnumerable<OtlpPoint> Points(byte[] request) => Read<OtlpPoint>(request, static (service, scope, metric) =>
    {
        // Which kind a metric is of says the field that holds its points.
        (OtlpKind kind, OtlpFields data) = metric switch
        {
            _ when metric.Message(5) is { } gauge => (OtlpKind.Gauge, gauge),
            _ when metric.Message(7) is { } sum => (sum.Number(3) != 0 ? OtlpKind.Counter : OtlpKind.UpDownCounter, sum),
            _ when metric.Message(9) is { } histogram => (OtlpKind.Histogram, histogram),
            _ when metric.Message(10) is { } histogram => (OtlpKind.ExponentialHistogram, histogram),
            _ => throw new InvalidDataException($"{metric.Text(1)} is of no known kind."),
        };
        return data.Messages(1).Select(point => Point(service, scope, metric, kind, point));
    });

    private static OtlpPoint Point(string service, string scope, OtlpFields metric, OtlpKind kind, OtlpFields point)
    {
        var read = new OtlpPoint(service, scope, metric.Text(1), metric.Text(2), metric.Text(3), kind);
        return kind switch
        {
            OtlpKind.Histogram => read with
            {
                Attributes = Attributes(point, 9),
                Value = point.Number(4),
                Sum = point.Double(5),
                Buckets = point.PackedNumbers(6),
                Bounds = point.PackedDoubles(7),
                Exemplars = [.. point.Messages(8).Select(static exemplar => (exemplar.Hex(5), exemplar.Hex(4)))],
            },
            OtlpKind.ExponentialHistogram => read with { Attributes = Attributes(point, 1), Value = point.Number(4), Sum = point.Double(5) },
            _ => read with { Attributes = Attributes(point, 7), Value = point.Has(4) ? point.Double(4) : point.Number(6) },
        };
    }

    private static IEnumerable<T> Read<T>(byte[] request, Func<string, string, OtlpFields, IEnumerable<T>> read) =>
        from resource in new OtlpFields(request).Messages(Resources)
        let service = Attributes(resource.Message(Resource)!, 1)["service.name"]?.ToString()
        from scope in resource.Messages(Scopes)
        from item in scope.Messages(Items)
        from told in read(service, scope.Message(Scope)!.Text(1), item)
        select told;

    private static Dictionary<string, object?> Attributes(OtlpFields owner, int field) =>
        owner.Messages(field).ToDictionary(static pair => pair.Text(1), static pair => Value(pair.Message(2)!));

    private static object? Value(OtlpFields any) => any switch
    {
        _ when any.Has(1) => any.Text(1),
        _ when any.Has(2) => any.Number(2) != 0,
        _ when any.Has(3) => any.Number(3),
        _ when any.Has(4) => any.Double(4),
        _ => null,
    };
}
