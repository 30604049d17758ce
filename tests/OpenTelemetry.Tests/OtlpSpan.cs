namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>A span as it was received; ids in hexadecimal, a left-out parent empty.</summary>
internal sealed record OtlpSpan(string Service, string Scope, string Name)
{
    public required string TraceId { get; init; }

    public required string SpanId { get; init; }

    public required string ParentSpanId { get; init; }

    /// <summary>1 for internal.</summary>
    public required long Kind { get; init; }

    public required IReadOnlyDictionary<string, object?> Attributes { get; init; }

    public required IReadOnlyList<string> Events { get; init; }

    public required IReadOnlyList<(string TraceId, string SpanId)> Links { get; init; }

    public required string StatusMessage { get; init; }

    /// <summary>0 for unset, 2 for an error.</summary>
    public required long StatusCode { get; init; }
}
