using PipelineOps;

namespace ApiDocs.Tests;

public sealed class FailuresTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("list")]
    [InlineData("groups")]
    [InlineData("show", "11111111-2222-8333-8444-555555555555")]
    [InlineData("redrive")]
    [InlineData("discard", "--reason", "old")]
    public async Task A_missing_folder_is_named_in_one_line_and_exits_with_2(params string[] args)
    {
        Workspace.Run run = await _workspace.FailuresAsync(args);

        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        Assert.Contains(_workspace.FailureFolder, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_workspace.Output));
    }

    [Fact]
    public async Task An_unknown_id_is_named_in_one_line_and_exits_with_2()
    {
        await IngestAsync(types: 5);

        Workspace.Run run = await _workspace.FailuresAsync("show", "11111111-2222-8333-8444-555555555555");

        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        Assert.Contains("11111111-2222-8333-8444-555555555555", Assert.Single(run.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redrive")]
    [InlineData("discard", "--reason", "old")]
    public async Task A_store_that_another_process_has_is_named_in_one_line_and_exits_with_1(params string[] args)
    {
        await IngestAsync(types: 5);
        using var other = FileFailureStore.Open(_workspace.FailureFolder);

        Workspace.Run run = await _workspace.FailuresAsync(args);

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("in use by", Assert.Single(run.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failures_are_shown_while_another_process_writes_them()
    {
        await IngestAsync(types: 5);
        using var other = FileFailureStore.Open(_workspace.FailureFolder);
        using FileStream index = new(Path.Combine(_workspace.Output, "index.jsonl"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);

        Assert.Equal(5, (await _workspace.FailuresAsync("list", "--stage", "validate")).Output.Length);
        Assert.Equal(ExitCode.Done, (await _workspace.FailuresAsync("groups")).ExitCode);
        Assert.StartsWith("would redrive", (await _workspace.FailuresAsync("redrive", "--dry-run")).Output[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Groups_tell_what_failed_how_often_and_why_on_lines_that_are_not_cut()
    {
        await IngestAsync(types: 5);
        string name = new('x', 300);
        _workspace.WriteFile("b.xml", Workspace.Document($"<member name=\"T:B\"><summary>Text.</summary><param name=\"{name}\"/></member>"));
        await _workspace.RunAsync();

        Workspace.Run run = await _workspace.FailuresAsync("groups");

        string summaries = Assert.Single(run.Output, static line => line.Contains("NoSummaryException", StringComparison.Ordinal));
        Assert.Equal(["5", "5", "validate", "DataQuality NoSummaryException"], summaries.Split('│', StringSplitOptions.TrimEntries).Where((_, i) => i is 2 or 3 or 7 or 8));
        Assert.Contains(run.Output, line => line.Contains("SilentParameterException", StringComparison.Ordinal) && line.Contains(name, StringComparison.Ordinal));
        Assert.Equal("6 failures in 2 groups", run.Output[^1]);
    }

    [Fact]
    public async Task A_list_has_a_line_for_each_failure_that_is_meant()
    {
        await IngestAsync(types: 200);
        IReadOnlyList<StoredFailure> kept = await _workspace.ReadFailuresAsync();

        Workspace.Run all = await _workspace.FailuresAsync("list");
        Workspace.Run some = await _workspace.FailuresAsync("list", "--disposition", "dead-lettered", "--limit", "1");

        Assert.Equal(kept.Select(static kept => kept.Record.Id.ToString()), all.Output.Select(static line => line.Split(' ')[0]));
        Assert.Contains("The catalog answered 500", Assert.Single(some.Output), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_tells_everything_of_a_failure()
    {
        await IngestAsync(types: 200);
        FailureRecord failure = (await _workspace.ReadFailuresAsync()).First(static kept => kept.Record.Disposition == Disposition.DeadLettered).Record;

        string text = string.Join('\n', (await _workspace.FailuresAsync("show", failure.Id.ToString())).Output);

        Assert.All(
            [failure.RecordKey!, failure.SourcePosition!, failure.Fingerprint, failure.Run!, "CatalogException", "Text.", "apidocs/enrich", "CatalogClient.DescribeAsync", "\n  14  "],
            part => Assert.Contains(part, text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Dead_letters_are_loaded_once_the_catalog_is_repaired_and_then_there_are_none_left()
    {
        Workspace.Run ingest = await IngestAsync(types: 200);
        Assert.True(ingest.DeadLettered > 0);

        Workspace.Run planned = await _workspace.FailuresAsync("redrive", "--dry-run", "--disposition", "DeadLettered");
        Workspace.Run first = await _workspace.FailuresAsync("redrive", "--disposition", "DeadLettered");
        Workspace.Run second = await _workspace.FailuresAsync("redrive", "--disposition", "DeadLettered");

        Assert.Equal($"would redrive {ingest.DeadLettered}", planned.Output[^1]);
        Assert.Equal((ExitCode.Done, $"redriven sent={ingest.DeadLettered} succeeded={ingest.DeadLettered} quarantined=0 deadlettered=0 failed=0"), (first.ExitCode, first.Output[^1]));
        Assert.Equal("redriven sent=0 succeeded=0 quarantined=0 deadlettered=0 failed=0", second.Output[^1]);
        Assert.Equal(ingest.Succeeded + ingest.DeadLettered, _workspace.Names().Distinct().Count());
        Assert.All((await _workspace.ReadFailuresAsync()).Where(static kept => kept.Record.Disposition == Disposition.DeadLettered), kept =>
        {
            Assert.Equal(FailureStatus.Redriven, kept.Status);
            Assert.Contains(kept.Record.RecordKey, _workspace.Names());
        });
    }

    [Fact]
    public async Task A_duplicate_fails_again_and_is_kept_as_a_child_until_it_was_redriven_too_often()
    {
        _workspace.WriteFile("a.xml", Workspace.Document(Workspace.Member("T:A.One") + Workspace.Member("T:A.One")));
        await _workspace.RunAsync();

        Workspace.Run first = await _workspace.FailuresAsync("redrive", "--stage", "load");
        Workspace.Run again = await _workspace.FailuresAsync("redrive", "--stage", "load", "--actor", "me");

        Assert.Equal("redriven sent=1 succeeded=0 quarantined=1 deadlettered=0 failed=0", first.Output[^1]);
        Assert.Equal("redriven sent=1 succeeded=0 quarantined=1 deadlettered=0 failed=0", again.Output[^1]);
        IReadOnlyList<StoredFailure> kept = await _workspace.ReadFailuresAsync();
        Assert.Equal([0, 1, 2], kept.Select(static kept => kept.Record.RedriveCount));
        Assert.Equal([FailureStatus.Redriven, FailureStatus.Redriven, FailureStatus.Open], kept.Select(static kept => kept.Status));
        Assert.Equal(kept[1].Record.Id, kept[2].Record.ParentId);
        Assert.Equal("me", kept[1].Resolution!.Actor);
        Assert.Single(_workspace.Index());

        await _workspace.FailuresAsync("redrive");
        Assert.Equal("redriven sent=0 succeeded=0 quarantined=0 deadlettered=0 failed=0", (await _workspace.FailuresAsync("redrive")).Output[^1]);
    }

    [Fact]
    public async Task The_rest_of_a_mended_file_is_read_validated_enriched_and_loaded()
    {
        string whole = Workspace.Document($"{Workspace.Member("T:A.One")}{Workspace.Member("T:A.Two")}<member name=\"T:A.Three\"/>{Workspace.Member("T:A.Four")}");
        _workspace.WriteFile("a.xml", whole[..whole.IndexOf("T:A.Two", StringComparison.Ordinal)]);
        await _workspace.RunAsync();
        Assert.Equal(["T:A.One"], _workspace.Names());
        _workspace.WriteFile("a.xml", whole);

        Workspace.Run run = await _workspace.FailuresAsync("redrive");

        Assert.Equal("redriven sent=1 succeeded=2 quarantined=1 deadlettered=0 failed=0", run.Output[^1]);
        Assert.Equal(["T:A.One", "T:A.Two", "T:A.Four"], _workspace.Names());
        Assert.Contains(await _workspace.ReadFailuresAsync(), static kept => kept.Record is { Stage: "validate", RecordKey: "T:A.Three", SourcePosition: "a.xml#2" });
    }

    [Fact]
    public async Task An_index_that_is_damaged_stops_a_redrive_with_one_line_and_every_failure_stays_open()
    {
        await IngestAsync(types: 200);
        File.AppendAllText(Path.Combine(_workspace.Output, "index.jsonl"), "no JSON\n");

        Workspace.Run run = await _workspace.FailuresAsync("redrive");

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Single(run.Errors);
        Assert.All(await _workspace.ReadFailuresAsync(), static kept => Assert.Equal(FailureStatus.Open, kept.Status));
    }

    [Fact]
    public async Task What_a_crash_left_of_a_line_of_the_index_is_cut_off()
    {
        await IngestAsync(types: 200);
        string[] whole = _workspace.Index();
        File.AppendAllText(Path.Combine(_workspace.Output, "index.jsonl"), "{\"file\":\"a.x");

        await _workspace.FailuresAsync("redrive", "--disposition", "DeadLettered", "--max", "1");

        Assert.Equal(whole, _workspace.Index()[..^1]);
        Assert.Equal(whole.Length + 1, _workspace.Names().Length);
    }

    [Fact]
    public async Task Discarded_failures_keep_who_discarded_them_and_why()
    {
        await IngestAsync(types: 5);

        Workspace.Run planned = await _workspace.FailuresAsync("discard", "--stage", "validate", "--reason", "known gaps", "--dry-run");
        Workspace.Run run = await _workspace.FailuresAsync("discard", "--stage", "validate", "--reason", "known gaps", "--actor", "me");

        Assert.Equal(("would discard 5", "discarded 5"), (planned.Output[^1], run.Output[^1]));
        Assert.All(await _workspace.ReadFailuresAsync(), static kept =>
            Assert.Equal((FailureStatus.Discarded, "me", "known gaps"), (kept.Status, kept.Resolution!.Actor, kept.Resolution.Reason)));
    }

    private Task<Workspace.Run> IngestAsync(int types)
    {
        _workspace.WriteTypes("a.xml", types);
        return _workspace.RunAsync();
    }
}
