namespace PipelineOps.Tests.Recovery.Storage;

public sealed class ReadOnlyStoreTests
{
    [Fact]
    public async Task A_folder_that_does_not_exist_is_not_made()
    {
        await using var test = new TestStore();
        test.Options.ReadOnly = true;

        var exception = Assert.Throws<DirectoryNotFoundException>(test.Open);

        Assert.Contains(test.Folder, exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(test.Folder));
    }

    [Fact]
    public async Task Whoever_only_reads_cannot_write_and_is_told_the_remedy()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());
        await test.Close();
        test.Options.ReadOnly = true;

        Func<Task>[] writes =
        [
            () => test.Append(TestStore.Failure()),
            () => test.Claim(),
            () => test.Store.ResolveAsync(Guid.NewGuid(), null, test.As(FailureStatus.Discarded), TestStore.Token).AsTask(),
            () => test.Store.DecideAsync(Guid.NewGuid(), test.Decision(FailureDecisionKind.Skip), TestStore.Token).AsTask(),
            () => test.Store.PurgeAsync(FailureFilter.All, TestStore.Token).AsTask(),
        ];

        foreach (Func<Task> write in writes)
            Assert.Contains("Open it without ReadOnly", (await Assert.ThrowsAsync<InvalidOperationException>(write)).Message, StringComparison.Ordinal);
        Assert.Single(await test.Ids());
    }

    [Fact]
    public async Task A_reader_sees_what_the_writer_does_each_time_it_asks()
    {
        await using var test = new TestStore();
        test.Options.SegmentBytes = 4096;
        FileFailureStore writer = test.Store;
        using FileFailureStore reader = OpenReader(test);
        Assert.Empty(await TestStore.Read(reader));

        for (int i = 0; i < 20; i++)
        {
            await test.Append(TestStore.Failure(payload: 700));
            Assert.Equal(await test.Ids(), (await TestStore.Read(reader)).Select(stored => stored.Record.Id));
        }

        Guid[] claimed = await test.Claim(maxCount: 5);
        await writer.ResolveAsync(claimed[0], "redrive", test.As(FailureStatus.Redriven), TestStore.Token);
        Assert.Equal(await test.Read(), await TestStore.Read(reader), Same);
        Assert.Equal(await writer.GroupAsync(FailureFilter.All, TestStore.Token), await reader.GroupAsync(FailureFilter.All, TestStore.Token));

        await writer.PurgeAsync(new FailureFilter { Status = FailureStatus.Open }, TestStore.Token);
        Assert.Equal(await test.Read(), await TestStore.Read(reader), Same);
        Assert.Equal(5, (await TestStore.Read(reader)).Count);
        Assert.Empty(reader.Damage);

        static bool Same(StoredFailure a, StoredFailure b) => TestStore.Text(a.Record) == TestStore.Text(b.Record) && a.Status == b.Status && a.Resolution == b.Resolution;
    }

    [Fact]
    public async Task What_is_not_finished_at_the_end_is_neither_read_nor_reported_nor_changed()
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(2)]);
        await test.Close();
        string file = test.Files[0];
        byte[] whole = File.ReadAllBytes(file);
        File.WriteAllBytes(file, whole[..^10]);

        using FileFailureStore reader = OpenReader(test);

        Assert.Single(await TestStore.Read(reader));
        Assert.Empty(reader.Damage);
        Assert.Equal(whole.Length - 10, new FileInfo(file).Length);
        File.WriteAllBytes(file, whole);
        Assert.Equal(2, (await TestStore.Read(reader)).Count);
    }

    [Fact]
    public async Task What_the_writer_takes_back_is_gone_for_the_reader_too()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());
        await test.Close();
        long length = new FileInfo(test.Files[0]).Length;
        await test.Append(TestStore.Failure(text: "taken back"));
        await test.Close();
        using FileFailureStore reader = OpenReader(test);
        Assert.Equal(2, (await TestStore.Read(reader)).Count);

        using (FileStream file = File.OpenWrite(test.Files[0]))
            file.SetLength(length);
        Assert.Single(await TestStore.Read(reader));

        await test.Append(TestStore.Failure(text: "in its place, and longer"));
        Assert.Equal(await test.Ids(), (await TestStore.Read(reader)).Select(stored => stored.Record.Id));
        Assert.Empty(reader.Damage);
    }

    [Fact]
    public async Task Damage_is_left_out_and_reported_where_it_is_and_stays_there()
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(3)]);
        await test.Close();
        byte[] bytes = File.ReadAllBytes(test.Files[0]);
        int second = Array.IndexOf(bytes, (byte)'\n', Array.IndexOf(bytes, (byte)'\n') + 1) + 1;
        bytes[second + 100] ^= 1;
        File.WriteAllBytes(test.Files[0], bytes);

        using FileFailureStore reader = OpenReader(test);

        Assert.Equal(2, (await TestStore.Read(reader)).Count);
        FailureStoreDamage damage = Assert.Single(reader.Damage);
        Assert.Equal((test.Files[0], (long)second, null), (damage.File, damage.Offset, damage.KeptIn));
        Assert.Equal(bytes, File.ReadAllBytes(test.Files[0]));
    }

    private static FileFailureStore OpenReader(TestStore test) => FileFailureStore.Open(test.Folder, new FileFailureStoreOptions { ReadOnly = true, TimeProvider = test.Time });
}
