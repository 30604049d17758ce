#if NET10_0_OR_GREATER // A hundred processes are enough for one framework.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using PipelineOps.Tests.Recovery.Storage;

namespace PipelineOps.Tests.Recovery;

public sealed class CrashTests
{
    private const int Kills = 100;

    [Fact]
    public async Task An_ingest_that_is_killed_at_a_hundred_random_moments_loses_nothing()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        int seed = Environment.TickCount;
        try
        {
            await KillAtRandomMoments(folder, new Random(seed));
            long last = BitConverter.ToInt64(await File.ReadAllBytesAsync(Path.Combine(folder, "position"), TestStore.Token)) + 200;
            await File.WriteAllTextAsync(Path.Combine(folder, "last"), last.ToString(CultureInfo.InvariantCulture), TestStore.Token);
            string output = await Finish(folder);
            Assert.EndsWith("Completed inFlight=0 lost=0", output.TrimEnd(), StringComparison.Ordinal);

            HashSet<long> done = [.. (await Lines(folder, "done")).Select(Number)];
            ILookup<long, Guid> ids = (await Lines(folder, "failed")).ToLookup(Number, static line => Guid.Parse(line.Split(' ')[1]));
            Dictionary<long, FailureRecord> kept = await Kept(Path.Combine(folder, "failures"));
            long lost = Numbers(last).Count(number => !done.Contains(number) && !kept.ContainsKey(number));

            Assert.Equal("lost=0", $"lost={lost}");
            Assert.Equal(Numbers(last).Where(IsBad), kept.Keys.Where(number => number < last).Order());
            Assert.DoesNotContain(done, IsBad);
            Assert.All(ids, failures => Assert.Equal(kept[failures.Key].Id, Assert.Single(failures.Distinct())));
            Assert.All(kept, failure => Assert.Equal(
                (failure.Key % 13 == 0 ? Disposition.Quarantined : Disposition.DeadLettered, failure.Key),
                (failure.Value.Disposition, JsonSerializer.Deserialize<long>(failure.Value.Payload!.Content.Span))));
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"Seed {seed}, folder {folder}.", exception);
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Mostly in the middle of the ingesting; each fourth time while the child still opens the store and begins.</summary>
    private static async Task KillAtRandomMoments(string folder, Random random)
    {
        long begun = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            using Process child = Child.Start("ingest", folder);
            string? line = await child.StandardOutput.ReadLineAsync(TestStore.Token);
            Assert.True(line?.StartsWith("position=", StringComparison.Ordinal) == true, $"{line}{await ErrorsOf(child, line)}");
            long position = long.Parse(line!["position=".Length..], CultureInfo.InvariantCulture);
            Assert.True(position >= begun, $"The position went back from {begun} to {position}.");
            begun = position;

            bool isEarly = kill % 4 == 0;
            if (!isEarly)
                Assert.Equal("ingesting", await child.StandardOutput.ReadLineAsync(TestStore.Token));

            await Task.Delay(random.Next(isEarly ? 150 : 40), TestStore.Token);
            Assert.False(child.HasExited);
            child.Kill();
            await child.WaitForExitAsync(TestStore.Token);
        }

        Assert.True(begun > 1_000, $"Only {begun} records were ingested meanwhile.");
    }

    private static async Task<string> Finish(string folder)
    {
        using Process child = Child.Start("ingest", folder);
        string output = await child.StandardOutput.ReadToEndAsync(TestStore.Token);
        await child.WaitForExitAsync(TestStore.Token);
        return output;
    }

    private static async Task<string> ErrorsOf(Process child, string? line) => line is null ? await child.StandardError.ReadToEndAsync(TestStore.Token) : string.Empty;

    private static async Task<Dictionary<long, FailureRecord>> Kept(string folder)
    {
        Dictionary<long, FailureRecord> kept = [];
        await using var store = FileFailureStore.Open(folder);
        await foreach (StoredFailure failure in store.ReadAsync(FailureFilter.All, TestStore.Token))
            kept.Add(long.Parse(failure.Record.RecordKey!, CultureInfo.InvariantCulture), failure.Record);

        return kept;
    }

    private static Task<string[]> Lines(string folder, string name) => File.ReadAllLinesAsync(Path.Combine(folder, name), Encoding.ASCII, TestStore.Token);

    private static long Number(string line) => long.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture);

    private static IEnumerable<long> Numbers(long last) => Enumerable.Range(0, (int)last).Select(static number => (long)number);

    private static bool IsBad(long number) => number % 13 == 0 || number % 29 == 0;
}
#endif
