using System.Text.RegularExpressions;

namespace PipelineOps.Tests.Errors;

/// <summary>The tables of docs/errors.md, so that tests can hold the page against the code.</summary>
internal static partial class ErrorsPage
{
    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "errors.md"));

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

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
