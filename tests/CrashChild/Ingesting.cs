using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace PipelineOps.CrashChild;

/// <summary>
/// Ingests an endless source of numbers, some of them bad, from the position that the process before left, until it is killed; or up to the number in the file
/// <c>last</c>, once there is one. Writes the numbers that it processed to <c>done</c> and the failures that it met, with their ids, to <c>failed</c>.
/// </summary>
internal static class Ingesting
{
    private static readonly DateTimeOffset Produced = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static async Task<int> Run(string folder)
    {
        using FileStream done = Append(folder, "done");
        using FileStream failed = Append(folder, "failed");
        using FileStream position = File.Open(Path.Combine(folder, "position"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        using PipelineStage stage = PipelineStage.Create("numbers", "load", new StageOptions
        {
            CircuitBreaker = { Enabled = false },
            Recovery = { FailureFolder = Path.Combine(folder, "failures") },
        }.Describing());
        long start = Read(position);
        bool began = false;
        Console.WriteLine($"position={start}");
        RunSummary summary = await stage.ProcessAllAsync(
            Numbers(folder, start),
            async (number, _) =>
            {
                await Task.Yield();
                if (number % 13 == 0)
                    throw new FormatException($"{number} is bad");
                if (number % 29 == 0)
                    throw new InvalidCastException($"{number} is not a number");

                Line(done, $"{number}");
            },
            new RecordRunOptions<long>
            {
                MaxParallelism = 8,
                Ordered = true,
                Acknowledge = (number, result) =>
                {
                    if (result.Failure is { } failure)
                        Line(failed, $"{number} {failure.Id}");

                    position.Position = 0;
                    position.Write(BitConverter.GetBytes(number + 1));
                    position.Flush();
                    if (!began)
                        Console.WriteLine("ingesting");
                    began = true;
                    return default;
                },
            });
        Console.WriteLine($"{summary.Outcome} inFlight={summary.Accounting.InFlight} lost={summary.Accounting.Lost}");
        return 0;
    }

    private static StageOptions Describing(this StageOptions options)
    {
        options.Recovery.Describe<long>(number => new RecordDescription
        {
            Key = number.ToString(CultureInfo.InvariantCulture),
            Position = string.Create(CultureInfo.InvariantCulture, $"numbers@{number}"),
            Timestamp = Produced.AddSeconds(number),
        });
        return options;
    }

    private static async IAsyncEnumerable<long> Numbers(string folder, long start, [EnumeratorCancellation] CancellationToken stop = default)
    {
        string file = Path.Combine(folder, "last");
        long last = File.Exists(file) ? long.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture) : long.MaxValue;
        for (long number = start; number < last && !stop.IsCancellationRequested; number++)
        {
            yield return number;
            if (number % 50 == 0)
                await Task.Yield();
        }
    }

    private static FileStream Append(string folder, string name) => File.Open(Path.Combine(folder, name), FileMode.Append, FileAccess.Write, FileShare.Read);

    // One write for a line: a kill cannot cut it, and threads cannot mix it.
    private static void Line(FileStream file, string line)
    {
        lock (file)
        {
            file.Write(Encoding.ASCII.GetBytes($"{line}\n"));
            file.Flush();
        }
    }

    private static long Read(FileStream position)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        return position.Length < bytes.Length ? 0 : ReadAll(position, bytes);

        static long ReadAll(FileStream position, Span<byte> bytes)
        {
            position.ReadExactly(bytes);
            return BitConverter.ToInt64(bytes);
        }
    }
}
