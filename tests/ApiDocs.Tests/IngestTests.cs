using PipelineOps;

namespace ApiDocs.Tests;

public sealed class IngestTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public async Task A_missing_folder_is_named_in_one_line_and_exits_with_2()
    {
        string missing = Path.Combine(_workspace.Input, "nowhere");

        Workspace.Run run = await _workspace.RunAsync(missing);

        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        Assert.Contains(missing, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal("accounted read=0 succeeded=0 quarantined=0 deadlettered=0 lost=0", run.Summary);
    }

    [Fact]
    public async Task An_empty_folder_is_named_in_one_line_and_exits_with_2()
    {
        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        Assert.Contains(_workspace.Input, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(0, run.Read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not XML at all")]
    [InlineData("<Project></Project>")]
    [InlineData("<doc><members><member name=\"T:A\"><summary>Cut")]
    [InlineData("<!DOCTYPE doc [<!ENTITY e SYSTEM \"file:///etc/hostname\">]><doc><members><member name=\"T:A\"><summary>&e;</summary></member></members></doc>")]
    public async Task A_malformed_file_alone_exits_with_2_and_counts_as_one_quarantined_record(string content)
    {
        string path = _workspace.WriteFile("bad.xml", content);

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        Assert.Contains(path, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal((1, 1, 0), (run.Read, run.Quarantined, run.Lost));
        FailureRecord kept = Assert.Single(await _workspace.ReadFailuresAsync()).Record;
        Assert.Equal(("read", Disposition.Quarantined, "bad.xml"), (kept.Stage, kept.Disposition, kept.RecordKey));
    }

    [Fact]
    public async Task A_malformed_file_among_good_ones_keeps_its_good_part_and_does_not_stop_the_others()
    {
        _workspace.WriteTypes("a.xml", 10);
        string bad = _workspace.WriteFile("b.xml", $"<doc><members>{Workspace.Member("T:B.One")}{Workspace.Member("M:B.One.Go")}<member name=\"M:B.One.Stop\"><summary>Cut");
        _workspace.WriteTypes("c.xml", 10);

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains(bad, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(20 + 20 + 2 + 1, run.Read);
        Assert.Equal(2, _workspace.Index().Count(static line => line.Contains("\"file\":\"b.xml\"", StringComparison.Ordinal)));
        await AssertAllKeptAsync(run);
    }

    [Fact]
    public async Task An_unreadable_file_is_named_and_dead_lettered_and_the_others_go_on()
    {
        _workspace.WriteTypes("a.xml", 5);
        string locked = _workspace.WriteTypes("b.xml", 5);
        using FileStream holder = new(locked, FileMode.Open, FileAccess.ReadWrite, FileShare.None);

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains(locked, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Contains(await _workspace.ReadFailuresAsync(), static kept => kept.Record is { Stage: "read", Disposition: Disposition.DeadLettered, RecordKey: "b.xml" });
        Assert.Equal(10 + 1, run.Read);
        await AssertAllKeptAsync(run);
    }

    [Fact]
    public async Task Many_unreadable_files_do_not_keep_the_good_ones_from_being_read()
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("Needs links without special rights.");
        for (int i = 0; i < 50; i++)
            File.CreateSymbolicLink(Path.Combine(_workspace.Input, $"a{i}.xml"), "nowhere.xml");
        _workspace.WriteTypes("b.xml", 5);

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal((50 + 10, 50), (run.Read, run.Errors.Length));
        await AssertAllKeptAsync(run);
    }

    [Fact]
    public async Task Nothing_but_an_unreadable_file_exits_with_2()
    {
        string locked = _workspace.WriteTypes("a.xml", 5);
        using FileStream holder = new(locked, FileMode.Open, FileAccess.ReadWrite, FileShare.None);

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.NothingRead, run.ExitCode);
        Assert.Contains(locked, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal((1, 1, 0), (run.Read, run.DeadLettered, run.Lost));
    }

    [Fact]
    public async Task An_index_that_cannot_be_created_is_named_in_one_line_and_exits_with_1()
    {
        _workspace.WriteTypes("a.xml", 5);
        Directory.CreateDirectory(Path.Combine(_workspace.Output, "index.jsonl"));

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains(_workspace.Output, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(0, run.Lost);
    }

    [Fact]
    public async Task A_disk_that_fills_up_stops_the_run_with_one_line_and_the_identity_holds()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Needs /dev/full.");
        _workspace.WriteTypes("a.xml", 2_000);
        Directory.CreateDirectory(_workspace.Output);
        File.CreateSymbolicLink(Path.Combine(_workspace.Output, "index.jsonl"), "/dev/full");

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("index.jsonl", Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(0, run.Succeeded);
        Assert.True(run.Identity[5] > 0, "what was not loaded is given back");
        AssertIdentity(run);
    }

    [Fact]
    public async Task A_failure_folder_that_another_process_has_is_named_in_one_line_and_the_index_is_left_alone()
    {
        _workspace.WriteTypes("a.xml", 5);
        await _workspace.RunAsync();
        string[] index = _workspace.Index();
        using var other = FileFailureStore.Open(_workspace.FailureFolder);

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal((ExitCode.Failed, 0), (run.ExitCode, run.Read));
        Assert.Contains(_workspace.FailureFolder, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(index, _workspace.Index());
    }

    [Fact]
    public async Task A_failure_folder_that_is_full_stops_the_run_with_one_line_and_the_identity_holds()
    {
        _workspace.WriteTypes("a.xml", 500);

        Workspace.Run run = await _workspace.RunAsync(failureStore: new FileFailureStoreOptions { SegmentBytes = 4 << 10, MaxBytes = 4 << 10 });

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        string error = Assert.Single(run.Errors);
        Assert.Contains(_workspace.FailureFolder, error, StringComparison.Ordinal);
        Assert.Contains("full", error, StringComparison.Ordinal);
        Assert.True(run.Identity[5] > 0, "what could not be kept is given back");
        Assert.Equal(run.Quarantined + run.DeadLettered, (await _workspace.ReadFailuresAsync()).Count);
        AssertIdentity(run);
    }

    [Fact]
    public async Task Of_members_with_one_name_the_first_is_indexed_and_the_others_are_quarantined()
    {
        string types = File.ReadAllText(_workspace.WriteTypes("a.xml", 60));
        _workspace.WriteFile("b.xml", types);
        _workspace.WriteFile("c.xml", Workspace.Document(Workspace.Member("T:C.One") + Workspace.Member("T:C.One")));

        Workspace.Run run = await _workspace.RunAsync();

        Assert.Equal(_workspace.Names().Distinct(), _workspace.Names());
        Assert.DoesNotContain(_workspace.Index(), static line => line.Contains("\"file\":\"b.xml\"", StringComparison.Ordinal));
        FailureRecord[] refused = [.. (await _workspace.ReadFailuresAsync()).Select(static kept => kept.Record).Where(static kept => kept.Stage == "load")];
        Assert.Equal(run.Succeeded, refused.Length);
        Assert.All(refused, kept =>
        {
            Assert.Equal((Disposition.Quarantined, ErrorCategory.DataQuality), (kept.Disposition, kept.Category));
            Assert.Contains(kept.RecordKey!, kept.Exceptions[0].Message, StringComparison.Ordinal);
            Assert.Contains(kept.RecordKey, _workspace.Names());
        });
        AssertIdentity(run);
    }

    [Fact]
    public async Task Running_twice_keeps_the_same_failures_once_and_writes_the_same_index()
    {
        string types = File.ReadAllText(_workspace.WriteTypes("a.xml", 60));
        _workspace.WriteFile("b.xml", types);
        _workspace.WriteFile("c.xml", "<doc><members>");

        Workspace.Run first = await _workspace.RunAsync();
        string[] index = _workspace.Index();
        IEnumerable<Guid> kept = (await _workspace.ReadFailuresAsync()).Select(static kept => kept.Record.Id).Order();
        Workspace.Run second = await _workspace.RunAsync();

        Assert.Equal(first.Summary, second.Summary);
        Assert.Equal(index, _workspace.Index());
        Assert.Equal(kept, (await _workspace.ReadFailuresAsync()).Select(static kept => kept.Record.Id).Order());
        await AssertAllKeptAsync(second);
    }

    [Fact]
    public async Task A_stop_in_the_middle_leaves_the_identity_true_and_exits_with_130()
    {
        // The outage holds the run up for seconds, so that the stop surely comes in the middle, with records in every stage.
        _workspace.WriteTypes("a.xml", 2_000);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));

        Workspace.Run run = await _workspace.RunAsync(outageAfterRequests: 200, stop: stop.Token);

        Assert.Equal(ExitCode.Stopped, run.ExitCode);
        Assert.Empty(run.Errors);
        Assert.True(run.Identity[5] > 0, "records were in flight");
        Assert.Equal(run.Succeeded, _workspace.Index().Length);
        Assert.Equal(run.Quarantined, (await _workspace.ReadFailuresAsync()).Count(static kept => kept.Record.Disposition == Disposition.Quarantined));
        AssertIdentity(run);
    }

    [Fact]
    public async Task A_stop_before_the_start_reads_nothing()
    {
        _workspace.WriteTypes("a.xml", 5);

        Workspace.Run run = await _workspace.RunAsync(stop: new CancellationToken(canceled: true));

        Assert.Equal(ExitCode.Stopped, run.ExitCode);
        Assert.Equal((0, 0), (run.Read, run.Lost));
    }

    [Fact]
    public async Task Two_runs_give_the_same_totals_through_an_outage_that_opens_the_circuit()
    {
        using var other = new Workspace();
        foreach (Workspace workspace in new[] { _workspace, other })
        {
            workspace.WriteTypes("a.xml", 400);
            workspace.WriteTypes("b.xml", 300);
        }

        Workspace.Run[] runs = await Task.WhenAll(other.RunAsync(outageAfterRequests: 100), _workspace.RunAsync(outageAfterRequests: 300));
        (Workspace.Run first, Workspace.Run second) = (runs[0], runs[1]);

        Assert.Equal((ExitCode.Done, ExitCode.Done), (first.ExitCode, second.ExitCode));
        Assert.Contains(first.Output, static line => line.StartsWith("catalog circuit: Closed -> Open -> HalfOpen", StringComparison.Ordinal) && line.EndsWith("-> Closed", StringComparison.Ordinal));
        Assert.Equal(1_400, first.Read);
        Assert.True(first is { Succeeded: > 600, Quarantined: > 700, DeadLettered: > 0 });
        Assert.Equal(first.Summary, second.Summary);
        await AssertAllKeptAsync(second);
    }

    [Fact]
    public async Task Retries_are_in_the_report()
    {
        // The catalog fails twice for this type.
        _workspace.WriteFile("a.xml", Workspace.Document(Workspace.Member("T:Traced.Type29") + Workspace.Member("T:B")));

        Workspace.Run run = await _workspace.RunAsync();

        string enrich = Assert.Single(run.Output, static line => line.StartsWith("│ enrich", StringComparison.Ordinal));
        Assert.Equal(["2", "4", "2"], enrich.Split('│', StringSplitOptions.TrimEntries)[2..5]);
    }

    [Fact]
    public async Task One_file_can_be_named_instead_of_a_folder()
    {
        string path = _workspace.WriteTypes("a.xml", 3);
        _workspace.WriteTypes("b.xml", 3);

        Workspace.Run run = await _workspace.RunAsync(path);

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(6, run.Read);
    }

    private static void AssertIdentity(Workspace.Run run)
    {
        Assert.Equal(0, run.Lost);
        Assert.Equal(run.Identity[0], run.Identity[1..].Sum());
    }

    private async Task AssertAllKeptAsync(Workspace.Run run)
    {
        AssertIdentity(run);
        IReadOnlyList<StoredFailure> kept = await _workspace.ReadFailuresAsync();
        Assert.Equal(run.Succeeded, _workspace.Names().Distinct().Count());
        Assert.Equal(run.Quarantined, kept.Count(static kept => kept.Record.Disposition == Disposition.Quarantined));
        Assert.Equal(run.DeadLettered, kept.Count(static kept => kept.Record.Disposition == Disposition.DeadLettered));
        Assert.Equal(run.Read, run.Succeeded + run.Quarantined + run.DeadLettered);
    }
}
