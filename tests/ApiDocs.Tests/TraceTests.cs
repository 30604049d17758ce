using System.Text.RegularExpressions;
using PipelineOps;

namespace ApiDocs.Tests;

public sealed class TraceTests : IDisposable
{
    // How the catalog treats a type depends on nothing but its name: one always fails, the other one twice.
    private const string Broken = "Traced.Type69";
    private const string Flaky = "Traced.Type29";

    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public async Task A_record_that_was_retried_in_vain_is_shown_attempt_by_attempt_down_to_the_failure_that_is_kept()
    {
        _workspace.WriteFile("broken.xml", Workspace.Document(
            $"{Workspace.Member("T:Traced.Other")}{Workspace.Member($"T:{Broken}")}<member name=\"M:{Broken}.Silent\"/>{Workspace.Member($"M:{Broken}.Go")}"));

        Workspace.Run run = await _workspace.IngestAsync("--trace", $"M:{Broken}.Go");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Empty(run.Errors);
        FailureRecord kept = (await _workspace.ReadFailuresAsync()).Single(static kept => kept.Record.RecordKey == $"M:{Broken}.Go").Record;
        AssertTree(
            run,
            [
                @"apidocs/read  broken\.xml  <ms>  ok  <trace>",
                $"apidocs group  {Regex.Escape(Broken)}  <ms>  ok  <trace>",
                $"├─ apidocs/validate  M:{Regex.Escape(Broken)}\\.Go  <ms>  ok",
                "└─ apidocs/enrich  2 records  <ms>  error ApiDocs.Enrichment.CatalogException",
                "   ├─ attempt 1  <ms>  error ApiDocs.Enrichment.CatalogException",
                .. Enumerable.Range(2, 13).Select(static number => $"   ├─ attempt {number}  after <ms>  <ms>  error ApiDocs.Enrichment.CatalogException"),
                $"   └─ keep  <ms>  ok  2 failures; this record: failure {kept.Id} dead_lettered",
            ]);
    }

    [Fact]
    public async Task A_record_that_a_retry_helped_is_shown_all_the_way_into_the_index()
    {
        _workspace.WriteFile("flaky.xml", Workspace.Document(
            $"{Workspace.Member("T:Traced.Other")}{Workspace.Member($"T:{Flaky}")}{Workspace.Member("T:Traced.Another")}"));

        Workspace.Run run = await _workspace.IngestAsync("--trace", $"T:{Flaky}");

        Assert.Equal((ExitCode.Done, 3), (run.ExitCode, run.Succeeded));
        AssertTree(
            run,
            [
                @"apidocs/read  flaky\.xml  <ms>  ok  <trace>",
                $"apidocs group  {Regex.Escape(Flaky)}  <ms>  ok  <trace>",
                $"├─ apidocs/validate  T:{Regex.Escape(Flaky)}  <ms>  ok",
                "└─ apidocs/enrich  1 record  <ms>  ok",
                @"   ├─ attempt 1  <ms>  error System\.Net\.Http\.Http\w+",
                @"   ├─ attempt 2  after <ms>  <ms>  error System\.Net\.Http\.Http\w+",
                "   └─ attempt 3  after <ms>  <ms>  ok",
                "apidocs batch  3 records  <ms>  ok  <trace>",
                "└─ apidocs/load  3 records  <ms>  ok",
            ]);
    }

    [Fact]
    public async Task A_record_with_a_flaw_is_shown_where_it_ended_and_not_in_the_calls_for_the_others_of_its_type()
    {
        _workspace.WriteFile("flawed.xml", Workspace.Document($"{Workspace.Member("T:Traced.Flawed")}<member name=\"M:Traced.Flawed.Silent\"/>"));

        Workspace.Run run = await _workspace.IngestAsync("--trace", "M:Traced.Flawed.Silent");

        FailureRecord kept = Assert.Single(await _workspace.ReadFailuresAsync()).Record;
        AssertTree(
            run,
            [
                @"apidocs/read  flawed\.xml  <ms>  ok  <trace>",
                "apidocs group  Traced.Flawed  <ms>  ok  <trace>",
                "└─ apidocs/validate  M:Traced.Flawed.Silent  <ms>  error ApiDocs.Validation.NoSummaryException",
                $"   └─ keep  <ms>  ok  failure {kept.Id} quarantined",
            ]);
    }

    [Fact]
    public async Task A_record_that_is_refused_with_others_of_its_batch_is_shown_with_the_calls_that_convicted_it()
    {
        string members = Workspace.Member("T:Traced.Twice") + Workspace.Member("M:Traced.Twice.One") + Workspace.Member("M:Traced.Twice.Two");
        _workspace.WriteFile("once.xml", Workspace.Document(members));
        _workspace.WriteFile("twice.xml", Workspace.Document(members + Workspace.Member("M:Traced.Twice.Three")));

        Workspace.Run run = await _workspace.IngestAsync("--trace", "M:Traced.Twice.One");

        // Two records have the key: the index takes the first.
        FailureRecord kept = (await _workspace.ReadFailuresAsync()).Single(static kept => kept.Record.RecordKey == "M:Traced.Twice.One").Record;
        Assert.Equal((4, 3), (run.Succeeded, run.Quarantined));
        string[] tree = Tree(run);
        Assert.Equal(2, tree.Count(static line => line.Contains("apidocs/validate  M:Traced.Twice.One", StringComparison.Ordinal)));
        Assert.Contains(tree, static line => Regex.IsMatch(line, "apidocs/load  1 record  .* ms  error ApiDocs.Loading.NameTakenException$"));
        Assert.EndsWith($"3 failures; this record: failure {kept.Id} quarantined", tree[^1], StringComparison.Ordinal);
        Assert.Single(tree, static line => line.Contains("keep", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_to_its_end_is_a_record_too()
    {
        _workspace.WriteFile("traced-malformed.xml", "<doc><members>");

        Workspace.Run run = await _workspace.IngestAsync("--trace", "traced-malformed.xml");

        FailureRecord kept = Assert.Single(await _workspace.ReadFailuresAsync()).Record;
        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        AssertTree(
            run,
            [
                @"apidocs/read  traced-malformed\.xml  <ms>  error System\.Xml\.XmlException  <trace>",
                $"└─ keep  <ms>  ok  failure {kept.Id} quarantined",
            ]);
    }

    [Fact]
    public async Task A_key_that_no_record_has_is_named_in_one_line_with_one_that_is_like_it_and_exits_with_2()
    {
        _workspace.WriteFile("similar.xml", Workspace.Document(
            Workspace.Member("M:Traced.Similar.Concat(System.Object,System.Object)") + Workspace.Member("M:Traced.Similar.Concat(System.Object)")));

        Workspace.Run similar = await _workspace.IngestAsync("--trace", "traced.similar.concat");
        Workspace.Run unlike = await _workspace.IngestAsync("--trace", "T:Traced.Nowhere");

        Assert.Equal((ExitCode.NothingRead, ExitCode.NothingRead), (similar.ExitCode, unlike.ExitCode));
        Assert.Empty(Tree(similar));
        Assert.Equal(
            "no record has the key traced.similar.concat; did you mean M:Traced.Similar.Concat(System.Object)? Other keys are in the lines of: ApiDocs failures list --stage enrich --limit 5",
            Assert.Single(similar.Errors));
        Assert.StartsWith("no record has the key T:Traced.Nowhere; keys are in the lines of: ", Assert.Single(unlike.Errors), StringComparison.Ordinal);
        Assert.Equal((2, 2), (similar.Succeeded, unlike.Succeeded));
    }

    [Fact]
    public async Task Where_nothing_could_be_read_that_is_all_that_is_said()
    {
        Workspace.Run run = await _workspace.IngestAsync("--trace", "T:Traced.Nowhere");

        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        Assert.Contains(_workspace.Input, Assert.Single(run.Errors), StringComparison.Ordinal);
    }

    // What stands between the two lines that end a run's report.
    private static string[] Tree(Workspace.Run run) =>
        [.. run.Output.SkipWhile(static line => !line.EndsWith(": holds", StringComparison.Ordinal)).Skip(1).SkipLast(1)];

    private static void AssertTree(Workspace.Run run, string[] expected) => Assert.Collection(
        Tree(run),
        [
            .. expected.Select<string, Action<string>>(static pattern => line => Assert.Matches(
                $"^{pattern.Replace("<ms>", @"\d+\.\d+ ms", StringComparison.Ordinal).Replace("<trace>", @"\(trace [0-9a-f]{32}\)", StringComparison.Ordinal)}$", line)),
        ]);
}
