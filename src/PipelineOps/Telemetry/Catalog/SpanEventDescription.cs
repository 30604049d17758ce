namespace PipelineOps;

/// <summary>An event of a span.</summary>
/// <param name="Name">The name.</param>
/// <param name="Meaning">What has happened and which attributes tell of it, in a sentence without its full stop.</param>
public sealed record SpanEventDescription(string Name, string Meaning);
