using System.Text.RegularExpressions;

namespace PipelineOps.Tests;

/// <summary>
/// What the pages show is what compiles, and what they link to exists. To add a snippet, write the code where it compiles, in a file under
/// Snippets/ or inside the test that proves what the page says of it, between the comments <c>// snippet: some-name</c> and <c>// end snippet</c>.
/// Copy it into the page as a <c>csharp</c> block, with the line <c>&lt;!-- snippet: some-name --&gt;</c> directly above the block. Indentation may
/// differ, nothing else may; a code line that a page must not show goes outside the comments.
/// </summary>
public sealed partial class DocumentationTests
{
    private static readonly IReadOnlyList<string> Pages =
    [
        .. Directory.EnumerateFiles(Repository.Root, "*.md").Order(StringComparer.Ordinal),
        .. Repository.Files("docs", "*.md"),
        .. Repository.Files("samples", "*.md"),
    ];

    private static readonly IReadOnlyList<(string File, string Name, string Code)> CompiledSnippets =
    [
        .. Repository.Files("tests", "*.cs").SelectMany(file => CompiledSnippet().Matches(File.ReadAllText(file))
            .Select(match => (Repository.Relative(file), match.Groups["name"].Value, Unindented(match.Groups["code"].Value)))),
    ];

    [Fact]
    public void Every_CSharp_block_of_a_page_is_a_compiled_snippet()
    {
        List<string> problems = [];
        foreach ((string page, Match block) in Blocks().Where(block => IsCSharp(block.Block)))
        {
            string name = block.Groups["name"].Value;
            if (name.Length == 0)
                problems.Add($"{Repository.Relative(page)}: the block that begins \"{FirstLine(block)}\" has no <!-- snippet: name --> directly above.");
            else if (!CompiledSnippets.Any(snippet => snippet.Name == name))
                problems.Add($"{Repository.Relative(page)}: no compiled file has \"// snippet: {name}\" ... \"// end snippet\".");
            else if (CompiledSnippets.First(snippet => snippet.Name == name) is var snippet && snippet.Code != Unindented(block.Groups["code"].Value))
                problems.Add($"{Repository.Relative(page)}: snippet {name} differs from {snippet.File}, which has:\n{snippet.Code}");
        }

        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [Fact]
    public void Every_compiled_snippet_has_a_name_of_its_own_and_is_on_a_page()
    {
        string[] names = [.. CompiledSnippets.Select(snippet => snippet.Name)];
        Assert.Equal(names.Distinct(), names);
        Assert.Empty(names.Except(Blocks().Select(block => block.Block.Groups["name"].Value)));
    }

    [Fact]
    public void Every_block_of_a_page_says_its_language()
    {
        // Code without a language would pass by the test of the C# blocks.
        Assert.Empty(Blocks().Where(block => block.Block.Groups["language"].Length == 0)
            .Select(block => $"{Repository.Relative(block.Page)}: {FirstLine(block.Block)}"));
    }

    [Fact]
    public void Every_relative_link_of_a_page_leads_to_a_file_or_folder()
    {
        List<string> broken = [];
        foreach (string page in Pages)
        {
            string prose = Block().Replace(File.ReadAllText(page), string.Empty);
            foreach (string target in Link().Matches(prose).Select(match => match.Groups["target"].Value))
            {
                string path = Path.Combine(Path.GetDirectoryName(page)!, Uri.UnescapeDataString(target));
                if (!Path.Exists(path))
                    broken.Add($"{Repository.Relative(page)}: {target}");
            }
        }

        Assert.Empty(broken);
    }

    private static IEnumerable<(string Page, Match Block)> Blocks() =>
        Pages.SelectMany(page => Block().Matches(File.ReadAllText(page)).Select(block => (page, block)));

    private static bool IsCSharp(Match block) =>
        block.Groups["language"].Value.ToUpperInvariant() is "CSHARP" or "CS" or "C#";

    private static string FirstLine(Match block) => block.Groups["code"].Value.TrimStart().Split('\n')[0];

    private static string Unindented(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim())).Trim();

    [GeneratedRegex(@"^[ \t]*// snippet: (?<name>\S+)[ \t\r]*\n(?<code>.*?)^[ \t]*// end snippet[ \t\r]*$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CompiledSnippet();

    [GeneratedRegex(
        @"(^[ \t]*<!-- snippet: (?<name>\S+) -->[ \t\r]*\n)?^[ \t]*```(?<language>[^\s`]*)[^\n]*\n(?<code>.*?)^[ \t]*```[ \t\r]*$",
        RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    // No scheme, no anchor of the same page.
    [GeneratedRegex(@"\]\((?![a-z]+:|#)(?<target>[^)\s#]+)(#[^)\s]*)?( ""[^""]*"")?\)")]
    private static partial Regex Link();
}
