namespace PipelineOps;

/// <summary>The rule for names of pipelines, stages and queues: they become tags of metrics, names of spans and keys of services.</summary>
internal static class PipelineNames
{
    private const int MaxLength = 100;

    public static void Require(OptionsProblems problems, string? name, string what) =>
        problems.Require(
            IsValid(name), $"The {what}'s name", name is null ? null : $"\"{name}\"", $"1 to {MaxLength} letters, digits, '-', '_' or '.'");

    private static bool IsValid(string? name) =>
        name is { Length: > 0 and <= MaxLength } && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
