namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>One point of a metric as it was received.</summary>
internal sealed record OtlpPoint(string Service, string Scope, string Name, string Description, string Unit, OtlpKind Kind)
{
    public IReadOnlyDictionary<string, object?> Attributes { get; init; } = new Dictionary<string, object?>();

    /// <summary>The value; a histogram's count.</summary>
    public double Value { get; init; }

    public double Sum { get; init; }

    public IReadOnlyList<long> Buckets { get; init; } = [];

    public IReadOnlyList<double> Bounds { get; init; } = [];

    public IReadOnlyList<(string TraceId, string SpanId)> Exemplars { get; init; } = [];
}
