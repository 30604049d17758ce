using System.Text.RegularExpressions;

namespace PipelineOps.Tests.Errors;

/// <summary>The tables and the snippet of docs/errors.md, so that tests can hold the page against the code.</summary>
internal static partial class ErrorsPage
{
    public static string Root { get; } = FindRoot();

    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Root, "docs", "errors.md"));

    /// <summary>The rows of the table whose first header is given.</summary>
    public static IReadOnlyList<string[]> Table(string firstHeader)
    {
        string[][] rows = [.. Lines
            .SkipWhile(line => !line.StartsWith($"| {firstHeader} |", StringComparison.Ordinal))
            .Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray())];
        Assert.NotEmpty(rows);
        return rows;
    }

    /// <summary>What stands in backticks in a cell.</summary>
    public static IEnumerable<string> Names(string cell) => Code().Matches(cell).Select(match => match.Groups[1].Value);

    public static ErrorCategory Category(string cell) => Enum.Parse<ErrorCategory>(cell.Trim('`'));

    /// <summary>The page's C# snippet, without indentation.</summary>
    public static string Snippet() =>
        Unindented(Lines.SkipWhile(line => line != "```csharp").Skip(1).TakeWhile(line => line != "```"));

    public static string Unindented(IEnumerable<string> lines) => string.Join('\n', lines.Select(line => line.Trim()));

    private static string FindRoot()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "PipelineOps.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("No PipelineOps.sln above the tests.");

        return directory;
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
