using System.Text.RegularExpressions;

namespace PipelineOps;

/// <summary>
/// Makes the fingerprint of a failure from its stage, what it means, the types of its exceptions and where they were thrown, but from no message: failures
/// that differ in their data alone are one kind.
/// </summary>
internal static partial class FailureFingerprint
{
    // The topmost alone: a method that throws is hardly ever inlined, but its callers are once they are hot, so that further frames would split the
    // failures of one place into those before and those after.
    private const int MaxFrames = 1;

    // More are recursion, and looking at them all helps nobody.
    private const int MaxLines = 500;

    /// <returns>16 digits, the first 64 bits of a SHA-256.</returns>
    public static string Of(string pipeline, string stage, ErrorCategory category, Exception? error, string? stack, IReadOnlyList<FailureCause> causes)
    {
        var name = new NameHash();
        name.Add(pipeline);
        name.Add(stage);
        name.Add(category.ToString());

        // Sorted and each once: how many branches of an aggregate failed, and which was first, is chance.
        foreach ((int depth, string type) in causes.Select(c => (c.Depth, c.Type)).Distinct().OrderBy(c => c.Depth).ThenBy(c => c.Type, StringComparer.Ordinal))
        {
            name.Add([(byte)depth]);
            name.Add(type);
        }

        if (error is not null)
        {
            AddFrames(name, stack);
            if (FailureCauses.Innermost(error) is var innermost && innermost != error)
                AddFrames(name, FailureCauses.Stack(innermost));
        }

        return Convert.ToHexString(name.ToSha256().AsSpan(0, 8)).ToLowerInvariant();
    }

    /// <summary>
    /// The program's own topmost frames: those of the runtime differ with its version, the record's data and the moment; those of this library with the number
    /// of the attempt. If there are no others, whatever is topmost.
    /// </summary>
    private static void AddFrames(NameHash name, string? stack)
    {
        var own = new List<string>();
        var foreign = new List<string>();
        int lines = 0;
        foreach (ReadOnlySpan<char> line in stack.AsSpan().EnumerateLines())
        {
            if (own.Count == MaxFrames || lines++ == MaxLines)
                break;

            if (Frame(line) is not { } frame)
                continue;

            List<string> frames = IsForeign(frame) ? foreign : own;

            // How deep a recursion went depends on the data.
            if (frames.Count == 0 || frames[^1] != frame)
                frames.Add(frame);
        }

        foreach (string frame in own.Count > 0 ? own : foreign.Take(MaxFrames))
            name.Add(frame);

        name.Add((string?)null);
    }

    /// <summary>The name of a frame's method: without its file, parameters and type arguments, and as the source names it, not the compiler.</summary>
    private static string? Frame(ReadOnlySpan<char> line)
    {
        line = line.Trim();

        // "at", in the runtime's language. The other lines separate stacks.
        int at = line.IndexOf(' ');
        int end = line.IndexOf('(');
        if (at <= 0 || end <= at || line.StartsWith("---", StringComparison.Ordinal))
            return null;

        string method = line[(at + 1)..end].ToString();
        method = TypeArguments().Replace(method, "");
        string source = Generated().Replace(Closure().Replace(method, ""), static match =>
            match.Groups["local"].Success ? $"{match.Groups["method"].Value}/{match.Groups["local"].Value}" : match.Groups["method"].Value);

        // The step of a state machine, where the runtime does not name its method.
        return source != method && source.EndsWith(".MoveNext", StringComparison.Ordinal) ? source[..^".MoveNext".Length] : source;
    }

    /// <summary>Whether a frame is the runtime's or, as a type directly in this library's namespace, this library's, explicitly implemented interfaces included.</summary>
    private static bool IsForeign(string frame) =>
        frame.StartsWith("System.", StringComparison.Ordinal)
        || frame.StartsWith("Microsoft.", StringComparison.Ordinal)
        || (frame.StartsWith("PipelineOps.", StringComparison.Ordinal)
            && (frame.AsSpan().Count('.') == 2 || frame.IndexOf(".PipelineOps.", StringComparison.Ordinal) > 0));

    [GeneratedRegex(@"\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]", RegexOptions.CultureInvariant)]
    private static partial Regex TypeArguments();

    // Type.<>c.<Method>b__1_0, Type.<>c__DisplayClass2_0`1.<Method>b__1
    [GeneratedRegex(@"<>c(?:__DisplayClass[\d_]+)?(?:`\d+)?\.", RegexOptions.CultureInvariant)]
    private static partial Regex Closure();

    // <Method>b__1_0, <Method>d__5, <Method>g__Local|2_0, <<Method>b__1>d, <<Main>$>g__Local|0_1
    [GeneratedRegex(@"<+(?<method>[^<>|]+)>(?:\$>)?[a-z](?:__(?<local>[^|.<>]+)\|)?[\d_]*(?:>d)?(?:__\d+)?(?:`\d+)?", RegexOptions.CultureInvariant)]
    private static partial Regex Generated();
}
