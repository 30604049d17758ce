using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using PipelineOps;
using Spectre.Console;

namespace ApiDocs.Tests;

/// <summary>A temporary folder with documentation files, and the ingest of it.</summary>
public sealed partial class Workspace : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("apidocs").FullName;

    public Workspace() => Directory.CreateDirectory(Input);

    public string Input => Path.Combine(_root, "in");

    public string Output => Path.Combine(_root, "out");

    public string FailureFolder => Path.Combine(Output, "failures");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public string WriteFile(string name, string content)
    {
        string path = Path.Combine(Input, name);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>A file of types with two members each: a described one and one without summary.</summary>
    public string WriteTypes(string name, int types)
    {
        var members = new StringBuilder();
        for (int i = 0; i < types; i++)
            members.Append(CultureInfo.InvariantCulture, $"{Member($"T:{name}.Type{i}")}<member name=\"M:{name}.Type{i}.Run\"/>");
        return WriteFile(name, Document(members.ToString()));
    }

    public static string Document(string members) => $"<doc><members>{members}</members></doc>";

    public static string Member(string id) => $"<member name=\"{id}\"><summary>Text.</summary></member>";

    public Task<Run> RunAsync(
        string? input = null, int outageAfterRequests = int.MaxValue, CancellationToken? stop = null, FileFailureStoreOptions? failureStore = null)
    {
        var options = new IngestOptions
        {
            Input = input ?? Input,
            Output = Output,
            OutageAfterRequests = outageAfterRequests,
            FailureStore = failureStore ?? new FileFailureStoreOptions(),
        };
        return RunAsync((console, error) => IngestJob.RunAsync(options, console, error, stop ?? TestContext.Current.CancellationToken));
    }

    /// <summary>Runs an ingest with these arguments.</summary>
    public Task<Run> IngestAsync(params string[] args)
    {
        Assert.True(IngestOptions.TryParse([Input, "--out", Output, .. args], out IngestOptions options, out string? problem), problem);
        options = options with { OutageAfterRequests = int.MaxValue };
        return RunAsync((console, error) => IngestJob.RunAsync(options, console, error, TestContext.Current.CancellationToken));
    }

    /// <summary>Runs <c>failures</c> with these arguments.</summary>
    public Task<Run> FailuresAsync(params string[] args)
    {
        Assert.True(FailuresOptions.TryParse([.. args, "--out", Output], DateTimeOffset.UtcNow, out FailuresOptions options, out string? problem), problem);
        return RunAsync((console, error) => FailuresCommand.RunAsync(options, console, error, TestContext.Current.CancellationToken));
    }

    /// <summary>The failures that are kept.</summary>
    public async Task<IReadOnlyList<StoredFailure>> ReadFailuresAsync()
    {
        using var store = FileFailureStore.Open(FailureFolder, new FileFailureStoreOptions { ReadOnly = true });
        return await store.ReadAsync(FailureFilter.All, TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The lines of the index.</summary>
    public string[] Index() => File.ReadAllLines(Path.Combine(Output, "index.jsonl"));

    /// <summary>The names that the index holds.</summary>
    public string[] Names() => [.. Index().Select(static line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetString()!)];

    private static async Task<Run> RunAsync(Func<IAnsiConsole, TextWriter, Task<int>> run)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });

        int exitCode = await run(console, error);

        string[] lines = output.ToString().TrimEnd().Split(output.NewLine);
        string[] errors = error.ToString().Split(error.NewLine, StringSplitOptions.RemoveEmptyEntries);
        return new Run(exitCode, lines, errors);
    }

    /// <summary>What a run said.</summary>
    public sealed partial record Run(int ExitCode, string[] Output, string[] Errors)
    {
        public string Summary => Output[^1];

        public long Read => Count(SummaryFormat().Match(Summary), 1);

        public long Succeeded => Count(SummaryFormat().Match(Summary), 2);

        public long Quarantined => Count(SummaryFormat().Match(Summary), 3);

        public long DeadLettered => Count(SummaryFormat().Match(Summary), 4);

        public long Lost => Count(SummaryFormat().Match(Summary), 5);

        /// <summary>The terms of the identity as printed: what was read, then each disposition.</summary>
        public long[] Identity
        {
            get
            {
                Match match = Output.Select(static line => IdentityFormat().Match(line)).Single(static match => match.Success);
                return [.. Enumerable.Range(1, 7).Select(group => Count(match, group))];
            }
        }

        private static long Count(Match match, int group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

        [GeneratedRegex(@"^accounted read=(\d+) succeeded=(\d+) quarantined=(\d+) deadlettered=(\d+) lost=(-?\d+)$")]
        private static partial Regex SummaryFormat();

        [GeneratedRegex(@"^read (\d+) = succeeded (\d+) \+ filtered (\d+) \+ quarantined (\d+) \+ deadLettered (\d+) \+ parked 0 \+ inFlight (\d+) \+ failedUnknown (\d+)")]
        private static partial Regex IdentityFormat();
    }
}
