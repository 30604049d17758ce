using System.Globalization;
using System.Text;

namespace PipelineOps.Tests.Recovery.Storage;

/// <summary>Stores whose files were damaged at random: they open, say what they left out, and never show what was not written.</summary>
public sealed class TornTailFuzzTests
{
    private const int Rounds = 300;

    [Fact]
    public async Task Whatever_is_damaged_the_rest_is_read_and_nothing_is_invented()
    {
        int first = Environment.TickCount & 0xFFFFFF;
        for (int seed = first; seed < first + Rounds; seed++)
        {
            try
            {
                await Round(new Random(seed));
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"Round(new Random({seed})) fails: {exception.Message}"), exception);
            }
        }
    }

    private static async Task Round(Random random)
    {
        await using TestStore test = TestStore.InMemory();
        test.Options.SegmentBytes = 4096;
        Dictionary<Guid, string> written = [];
        for (int i = random.Next(1, 12); i > 0; i--)
        {
            List<FailureRecord> batch = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => NewFailure(random))];
            await test.Append([.. batch]);
            foreach (FailureRecord failure in batch)
                written.Add(failure.Id, TestStore.Text(failure));
            if (random.Next(3) == 0)
                await test.Claim($"owner{i}", random.Next(1, 4));
        }

        await test.Close();

        List<string> damaged = [];
        HashSet<string> intact = [];
        foreach (string file in test.Files)
        {
            byte[] bytes = File.ReadAllBytes(file);
            List<string> lines = [.. Lines(bytes)];
            byte[] left = random.Next(4) == 0 ? bytes : Damaged(bytes, random);
            File.WriteAllBytes(file, left);
            HashSet<string> leftLines = [.. Lines(left)];
            intact.UnionWith(lines.Where(leftLines.Contains));
            if (leftLines.Any(line => !lines.Contains(line)))
                damaged.Add(file);
        }

        // It never throws, and shows every failure whose line is still there as it was, and no other than was written.
        List<StoredFailure> read = await test.Read();
        foreach (StoredFailure stored in read)
            Assert.Equal(written[stored.Record.Id], TestStore.Text(stored.Record));
        Guid[] expected = [.. written.Keys.Where(id => intact.Any(line => line.Contains($"\"kind\":\"failure\",\"failure\":{{\"id\":\"{id}\"", StringComparison.Ordinal)))];
        Assert.Empty(expected.Except(read.Select(stored => stored.Record.Id)));
        Assert.Equal(read.Count, read.DistinctBy(stored => stored.Record.Id).Count());

        // It says what it left out, and keeps that.
        foreach (FailureStoreDamage piece in test.Store.Damage)
        {
            Assert.Contains(piece.File, damaged);
            Assert.True(piece.Length > 0 && piece.Offset >= 0 && piece.Reason.Length > 0);
            Assert.True(File.Exists(piece.KeptIn));
        }

        foreach (string file in damaged.Where(file => written.Count > 0 && read.Count < written.Count && test.Store.Damage.Count == 0))
            Assert.Fail($"{file} was damaged, and nobody was told.");

        // It goes on, and stays what it is.
        Guid[] before = [.. read.Select(stored => stored.Record.Id)];
        FailureRecord next = NewFailure(random);
        await test.Append(next);
        Guid[] after = [.. before, next.Id];
        Assert.Equal(after, await test.Ids());
        await test.Reopen();
        Assert.Equal(after, await test.Ids());
        Assert.Empty(test.Store.Damage);
        Assert.Equal(TestStore.Text(next), TestStore.Text((await test.Read(next.Id)).Record));
        Assert.All(test.Files.SelectMany(File.ReadLines), line => System.Text.Json.JsonDocument.Parse(line).Dispose());
    }

    private static byte[] Damaged(byte[] bytes, Random random)
    {
        List<byte> after = [.. bytes];
        for (int times = random.Next(1, 4); times > 0 && after.Count > 0; times--)
        {
            int at = random.Next(after.Count);
            switch (random.Next(6))
            {
                case 0:
                    after.RemoveRange(at, after.Count - at);
                    break;
                case 1:
                    after[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    byte[] garbage = new byte[random.Next(1, 300)];
                    random.NextBytes(garbage);
                    after.InsertRange(at, garbage);
                    break;
                case 3:
                    int count = Math.Min(random.Next(1, 600), after.Count - at);
                    after.RemoveRange(at, count);
                    break;
                case 4:
                    // As a power failure leaves what was not flushed.
                    for (int i = at; i < Math.Min(after.Count, at + 512); i++)
                        after[i] = 0;
                    break;
                default:
                    List<byte[]> lines = [.. Split([.. after])];
                    byte[] line = lines[random.Next(lines.Count)];
                    after.InsertRange(lines.Take(random.Next(lines.Count + 1)).Sum(other => other.Length), line);
                    break;
            }
        }

        return [.. after];
    }

    private static FailureRecord NewFailure(Random random)
    {
        byte[] id = new byte[16];
        random.NextBytes(id);
        return TestStore.Failure(fingerprint: $"f{random.Next(3)}", text: $"{{\"crc\":\"{random.Next()} \n\"}}", payload: random.Next(4) == 0 ? random.Next(1, 6_000) : 0, id: new Guid(id));
    }

    // A character for each byte.
    private static IEnumerable<string> Lines(byte[] bytes) => Split(bytes).Select(line => Encoding.Latin1.GetString(line).TrimEnd('\n'));

    private static IEnumerable<byte[]> Split(byte[] bytes)
    {
        for (int start = 0; start < bytes.Length;)
        {
            int end = Array.IndexOf(bytes, (byte)'\n', start);
            end = end < 0 ? bytes.Length : end + 1;
            yield return bytes[start..end];
            start = end;
        }
    }
}
