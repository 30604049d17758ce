namespace PipelineOps;

/// <summary>A kind of span of the source <see cref="PipelineOpsTelemetry.ActivitySourceName"/>.</summary>
/// <param name="Name">The name; <c>{pipeline}</c> and <c>{stage}</c> stand for theirs.</param>
/// <param name="Meaning">What it spans, in a sentence without its full stop.</param>
public sealed record SpanDescription(string Name, string Meaning)
{
    /// <summary>The attributes that it can have.</summary>
    public IReadOnlyList<TagDescription> Attributes { get; init; } = [];

    /// <summary>The events that it can have.</summary>
    public IReadOnlyList<SpanEventDescription> Events { get; init; } = [];
}
