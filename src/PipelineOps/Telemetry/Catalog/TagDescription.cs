namespace PipelineOps;

/// <summary>A tag of an instrument, or an attribute of a span.</summary>
/// <param name="Name">The name.</param>
/// <param name="Meaning">What it says, in a sentence without its full stop.</param>
/// <param name="Values">Every value that it can have; empty if that depends on the program.</param>
/// <param name="IsOptional">Whether it is left out at times; <paramref name="Meaning"/> says when.</param>
public sealed record TagDescription(string Name, string Meaning, IReadOnlyList<string> Values, bool IsOptional = false);
