using System.Text;

namespace PipelineOps.Tests.Recovery.Storage;

public sealed class StoreDamageTests
{
    [Fact]
    public async Task A_torn_tail_is_cut_off_and_kept_beside_and_does_not_swallow_the_next_append()
    {
        await using var test = new TestStore();
        List<FailureRecord> failures = TestStore.Failures(3);
        await test.Append([.. failures]);
        await test.Close();
        byte[] bytes = File.ReadAllBytes(test.Files[0]);
        int last = Array.LastIndexOf(bytes, (byte)'\n', bytes.Length - 2) + 1;
        File.WriteAllBytes(test.Files[0], bytes[..^20]);

        FailureStoreDamage damage = Assert.Single(test.Store.Damage);

        Assert.Equal((test.Files[0], last, bytes.Length - 20 - last), (damage.File, damage.Offset, damage.Length));
        Assert.Contains("cut off", damage.Reason, StringComparison.Ordinal);
        Assert.Equal(bytes[last..^20], File.ReadAllBytes(damage.KeptIn!));
        await test.Append(failures[2]);
        await test.Reopen();
        Assert.Equal(failures.Select(TestStore.Text), (await test.Read()).Select(stored => TestStore.Text(stored.Record)));
        Assert.Empty(test.Store.Damage);
    }

    [Fact]
    public async Task A_line_that_only_lacks_its_end_is_not_lost()
    {
        await using var test = new TestStore();
        List<FailureRecord> failures = TestStore.Failures(2);
        await test.Append([.. failures]);
        await test.Close();
        byte[] bytes = File.ReadAllBytes(test.Files[0]);
        File.WriteAllBytes(test.Files[0], bytes[..^1]);

        await test.Append(TestStore.Failure());
        await test.Reopen();

        Assert.Equal(failures.Select(TestStore.Text), (await test.Read()).Take(2).Select(stored => TestStore.Text(stored.Record)));
        Assert.Equal(3, (await test.Read()).Count);
        Assert.Empty(test.Store.Damage);
    }

    [Fact]
    public async Task Damage_within_a_file_takes_only_what_it_hit_and_its_bytes_are_kept()
    {
        await using var test = new TestStore();
        List<FailureRecord> failures = TestStore.Failures(5);
        await test.Append([.. failures]);
        await test.Close();
        string[] lines = File.ReadAllLines(test.Files[0]);
        lines[2] = lines[2].Replace("failure 1", "failure X", StringComparison.Ordinal);
        string garbage = "garbage\u0000\u0001 {}";
        File.WriteAllText(test.Files[0], string.Join('\n', [.. lines[..4], garbage, .. lines[4..], ""]));

        Assert.Equal([.. failures.Where((_, i) => i != 1).Select(TestStore.Text)], (await test.Read()).Select(stored => TestStore.Text(stored.Record)));

        Assert.Equal(2, test.Store.Damage.Count);
        Assert.Equal($"{lines[2]}\n{garbage}\n", File.ReadAllText(test.Store.Damage[0].KeptIn!));
        Assert.All(test.Store.Damage, damage => Assert.Equal("Its checksum is wrong.", damage.Reason));
        await test.Append(failures[1]);
        await test.Reopen();
        Assert.Empty(test.Store.Damage);
        Assert.Equal(5, (await test.Ids()).Length);
        Assert.All(test.Files.SelectMany(File.ReadLines), line => System.Text.Json.JsonDocument.Parse(line).Dispose());
    }

    [Fact]
    public async Task A_torn_line_that_was_written_on_takes_only_itself_with_it()
    {
        await using var test = new TestStore();
        List<FailureRecord> failures = TestStore.Failures(3);
        await test.Append([.. failures]);
        await test.Close();
        string[] lines = File.ReadAllLines(test.Files[0]);
        File.WriteAllText(test.Files[0], $"{lines[0]}\n{lines[1][..50]}{lines[2]}{lines[3]}\n");

        Assert.Equal(failures[1..].Select(TestStore.Text), (await test.Read()).Select(stored => TestStore.Text(stored.Record)));
        Assert.Equal(50, Assert.Single(test.Store.Damage).Length);
    }

    [Fact]
    public async Task A_file_of_nothing_but_garbage_does_not_keep_the_store_from_opening()
    {
        await using var test = new TestStore();
        Directory.CreateDirectory(test.Folder);
        string[] names = ["failures-00000001.jsonl", "failures-00000002.jsonl", "failures-00000003.jsonl"];
        File.WriteAllBytes(Path.Combine(test.Folder, names[0]), [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 7))]);
        File.WriteAllBytes(Path.Combine(test.Folder, names[1]), []);
        File.WriteAllBytes(Path.Combine(test.Folder, names[2]), Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"crc\":\"00000000\",}\n", 10))));
        File.WriteAllText(Path.Combine(test.Folder, "failures-x.jsonl"), "somebody else's");

        await test.Append(TestStore.Failure());

        Assert.Equal(2, test.Store.Damage.Count);
        Assert.Equal(10_000, test.Store.Damage[0].Length);
        await test.Reopen();
        Assert.Single(await test.Ids());
        Assert.Empty(test.Store.Damage);
        Assert.Equal("somebody else's", File.ReadAllText(Path.Combine(test.Folder, "failures-x.jsonl")));
    }

    [Fact]
    public async Task What_a_later_version_wrote_is_reported_and_left_where_it_is()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());
        await test.Close();
        const string members = "\"kind\":\"annotation\",\"id\":17}";
        string line = $"{{\"crc\":\"{Crc32C(members):x8}\",{members}";
        File.AppendAllText(test.Files[0], line + "\n");

        Assert.Contains("later version", Assert.Single(test.Store.Damage).Reason, StringComparison.Ordinal);
        await test.Store.PurgeAsync(FailureFilter.All, TestStore.Token);
        await test.Append(TestStore.Failure());
        await test.Close();
        Assert.Contains(line, test.Files.SelectMany(File.ReadLines));
    }

    [Fact]
    public async Task What_becomes_unreadable_while_the_store_is_open_is_left_out_and_reported()
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(3)]);
        Guid[] ids = await test.Ids();
        await using (FileStream file = new(test.Files[0], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            file.Seek(-40, SeekOrigin.End);
            file.Write("XXXX"u8);
        }

        Assert.Equal(ids[..2], await test.Ids());
        Assert.Equal(ids[..2], await test.Claim());
        Assert.Contains("changed", Assert.Single(test.Store.Damage).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("failures-00000001-1.jsonl.tmp", false)]
    [InlineData("failures-00000001.jsonl", true)]
    public async Task What_a_crash_left_of_a_rewriting_is_deleted(string leftover, bool isReplaced)
    {
        await using var test = new TestStore();
        await test.Append([.. TestStore.Failures(2)]);
        await test.Close();
        if (isReplaced)
            File.Copy(test.Files[0], Path.Combine(test.Folder, "failures-00000001-1.jsonl"));
        else
            File.WriteAllText(Path.Combine(test.Folder, leftover), "{\"crc\":\"");

        Assert.Equal(2, (await test.Ids()).Length);

        Assert.Single(test.Files);
        Assert.False(File.Exists(Path.Combine(test.Folder, leftover)));
        Assert.Empty(test.Store.Damage);
    }

    // Bit by bit, to hold the store's against.
    private static uint Crc32C(string text)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : crc >> 1 ^ 0x82F63B78;
        }

        return ~crc;
    }
}
