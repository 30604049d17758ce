using System.Diagnostics;
using System.Text.Json;

namespace PipelineOps.Tests.Recovery.Storage;

public sealed class FileFailureStoreTests
{
    [Fact]
    public async Task A_failure_that_cannot_be_read_again_is_refused_and_names_the_member()
    {
        await using var test = new TestStore();

        var exception = await Assert.ThrowsAsync<ArgumentException>(() => test.Append(TestStore.Failure(), TestStore.Failure() with { Stage = null! }));

        Assert.StartsWith("Stage of failure ", exception.Message, StringComparison.Ordinal);
        Assert.Empty(await test.Ids());
    }

    [Fact]
    public async Task A_store_that_was_disposed_of_says_so()
    {
        await using var test = new TestStore();
        FileFailureStore store = test.Store;
        await test.Close();
        store.Dispose();

        ObjectDisposedException exception = await Assert.ThrowsAsync<ObjectDisposedException>(() => store.AppendAsync([TestStore.Failure()], TestStore.Token).InTime());
        Assert.Contains(test.Folder, exception.Message, StringComparison.Ordinal);
        Assert.Contains("after the stages", exception.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => TestStore.Read(store));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.GroupAsync(FailureFilter.All, TestStore.Token).InTime());
    }

    [Fact]
    public async Task Nothing_is_kept_for_a_caller_who_has_cancelled()
    {
        await using var test = new TestStore();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => test.Store.AppendAsync([TestStore.Failure()], new CancellationToken(true)).AsTask());

        Assert.Empty(await test.Ids());
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_an_error_at_opening()
    {
        await using var test = new TestStore();
        File.WriteAllText(test.Folder, "a file");
        try
        {
            IOException exception = Assert.Throws<IOException>(test.Open);
            Assert.Contains($"{test.Folder} cannot be created", exception.Message, StringComparison.Ordinal);
            Assert.Contains("Name a folder", exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(test.Folder);
        }
    }

    [Fact]
    public async Task Failures_of_every_shape_come_back_as_they_were_in_their_order()
    {
        await using var test = new TestStore();
        List<FailureRecord> failures =
        [
            .. FsCheck.Fluent.Gen.Sample(GeneratedFailures.All.Generator, 50).DistinctBy(failure => failure.Id)
                .Select(failure => FailureJson.Deserialize(FailureJson.Serialize(failure))),
        ];

        foreach (FailureRecord[] batch in failures.Chunk(7))
            await test.Append(batch);

        Assert.Equal(failures.Select(TestStore.Text), (await test.Read()).Select(stored => TestStore.Text(stored.Record)));
        await test.Reopen();
        Assert.Equal(failures.Select(TestStore.Text), (await test.Read()).Select(stored => TestStore.Text(stored.Record)));
        Assert.Empty(test.Store.Damage);
    }

    [Fact]
    public async Task Appending_twice_is_appending_once_within_an_append_and_across_them_and_after_reopening()
    {
        await using var test = new TestStore();
        FailureRecord failure = TestStore.Failure(text: "first");
        FailureRecord copy = failure with { Stack = "a later copy" };

        await test.Append(failure, copy);
        await test.Append(copy);
        await test.Reopen();
        await test.Append(copy, failure);

        Assert.Equal(TestStore.Text(failure), TestStore.Text(Assert.Single(await test.Read()).Record));
        Assert.Single(File.ReadLines(test.Files[^1]), line => line.Contains("\"kind\":\"failure\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(FailureStatus.Redriven)]
    [InlineData(FailureStatus.Discarded)]
    public async Task A_failure_that_had_ended_and_comes_again_is_open_again(FailureStatus ended)
    {
        await using var test = new TestStore();
        FailureRecord failure = TestStore.Failure(text: "first");
        await test.Append(failure);
        Assert.True(await test.Store.ResolveAsync(failure.Id, owner: null, test.As(ended), TestStore.Token));
        FailureRecord again = failure with { Stack = "the second time" };

        await test.Append(again, again);

        StoredFailure stored = Assert.Single(await test.Read());
        Assert.Equal((TestStore.Text(again), FailureStatus.Open, null), (TestStore.Text(stored.Record), stored.Status, stored.Resolution));
        await test.Reopen();
        Assert.Equal(stored, Assert.Single(await test.Read()), (a, b) => TestStore.Text(a.Record) == TestStore.Text(b.Record) && a.Status == b.Status);
        Assert.Equal([failure.Id], await test.Claim());
    }

    [Fact]
    public async Task A_payload_larger_than_a_file_is_kept_whole()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        List<FailureRecord> failures = TestStore.Failures(3, payload: 3 << 20);

        await test.Append([.. failures]);
        await test.Reopen();

        Assert.Equal(failures.Select(TestStore.Text), (await test.Read()).Select(stored => TestStore.Text(stored.Record)));
    }

    [Fact]
    public async Task Every_part_of_a_filter_must_match_as_it_does_for_a_stored_failure()
    {
        await using var test = new TestStore();
        DateTimeOffset start = test.Time.GetUtcNow();
        List<FailureRecord> failures =
        [
            .. from i in Enumerable.Range(0, 48)
               select TestStore.Failure(
                   fingerprint: i % 2 == 0 ? "AB12" : "cd34",
                   disposition: i % 3 == 0 ? Disposition.Quarantined : Disposition.DeadLettered,
                   at: start.AddMinutes(i).ToOffset(TimeSpan.FromHours(i % 5)),
                   stage: i % 5 == 0 ? "extract" : "load",
                   run: i % 4 == 0 ? null : $"run{i % 4}",
                   category: i % 7 == 0 ? ErrorCategory.Schema : ErrorCategory.Transient),
        ];
        await test.Append([.. failures]);
        await test.Claim(maxCount: 5);
        await test.Store.ResolveAsync(failures[9].Id, null, test.As(FailureStatus.Discarded), TestStore.Token);
        List<StoredFailure> all = await test.Read();
        FailureFilter[] filters =
        [
            new() { Id = failures[4].Id }, new() { Id = failures[4].Id, Stage = "no" }, new() { Id = Guid.NewGuid() }, new() { Pipeline = "orders" }, new() { Pipeline = "Orders" },
            new() { Stage = "extract" }, new() { Run = "run1" }, new() { Disposition = Disposition.Quarantined }, new() { Category = ErrorCategory.Schema },
            new() { Fingerprint = "ab" }, new() { Fingerprint = "CD34" }, new() { Fingerprint = "b" }, new() { Status = FailureStatus.Claimed }, new() { Status = FailureStatus.Open },
            new() { Status = FailureStatus.Discarded }, new() { From = start.AddMinutes(10) }, new() { To = start.AddMinutes(10) },
            new() { From = start.AddMinutes(10).ToOffset(TimeSpan.FromHours(3)), To = start.AddMinutes(20), Stage = "load", Fingerprint = "Ab1" },
        ];

        foreach (bool isReopened in (bool[])[false, true])
        {
            if (isReopened)
                await test.Reopen();
            foreach (FailureFilter filter in filters)
                Assert.Equal(all.Where(filter.Matches).Select(stored => stored.Record.Id), await test.Ids(filter));
        }
    }

    [Fact]
    public async Task Each_line_is_a_JSON_object_that_says_what_happened()
    {
        await using var test = new TestStore();
        FailureRecord parked = TestStore.Failure(disposition: Disposition.Parked);
        await test.Append(parked, TestStore.Failure());
        await test.Store.DecideAsync(parked.Id, test.Decision(FailureDecisionKind.Retry), TestStore.Token);
        Guid[] claimed = await test.Claim();
        await test.Store.ResolveAsync(claimed[0], "redrive", test.As(FailureStatus.Redriven), TestStore.Token);
        await test.Store.ResolveAsync(claimed[1], "redrive", test.As(FailureStatus.Open), TestStore.Token);
        await test.Store.PurgeAsync(new FailureFilter { Id = claimed[0] }, TestStore.Token);
        await test.Close();

        List<JsonElement> lines = [.. test.Files.SelectMany(File.ReadLines).Select(line => JsonDocument.Parse(line).RootElement)];

        Assert.All(lines, line => Assert.Matches("^[0-9a-f]{8}$", line.GetProperty("crc").GetString()!));
        Assert.Equal(
            ["claim", "claim", "decision", "failure", "failure", "purge", "release", "resolution", "segment"],
            lines.Select(line => line.GetProperty("kind").GetString()).Order().Where((kind, i) => kind != "segment" || i == 8));
    }

    [Fact]
    public async Task Jq_reads_the_files()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        await test.Append([.. TestStore.Failures(20, payload: 1000)]);
        await test.Close();

        ProcessStartInfo start = new("jq") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-r", "select(.kind == \"failure\") | .failure.stage", .. test.Files])
            start.ArgumentList.Add(argument);
        Process? jq = null;
        try
        {
            jq = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("jq is not installed.");
        }

        using (jq)
        {
            string output = await jq!.StandardOutput.ReadToEndAsync(TestStore.Token);
            await jq.WaitForExitAsync(TestStore.Token);
            Assert.Equal(0, jq.ExitCode);
            Assert.Equal(20, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => line == "load"));
        }
    }

    [Fact]
    public async Task A_reading_that_began_before_a_purge_leaves_out_what_is_gone()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        foreach (FailureRecord failure in TestStore.Failures(20, payload: 1000))
            await test.Append(failure);
        Guid[] ids = await test.Ids();

        List<Guid> read = [];
        await foreach (StoredFailure stored in test.Store.ReadAsync(FailureFilter.All, TestStore.Token))
        {
            if (read.Count == 0)
            {
                foreach (Guid id in ids[3..])
                    await test.Store.PurgeAsync(new FailureFilter { Id = id }, TestStore.Token);
            }

            read.Add(stored.Record.Id);
        }

        Assert.Equal(ids[..3], read);
        Assert.Empty(test.Store.Damage);
    }
}
