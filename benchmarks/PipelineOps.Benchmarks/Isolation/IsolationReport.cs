using System.Globalization;

namespace PipelineOps.Benchmarks.Isolation;

/// <summary>Counts the calls that it takes to find the bad records of a batch, and prints a line for each size and number of them.</summary>
internal static class IsolationReport
{
    private const double MostOnAverageForOneOf1000 = 14.5;

    private static readonly int[] Counts = [100, 1_000, 10_000];

    private static readonly int[] BadRecords = [1, 2, 5, 10, 50];

    // One for all: throwing is not what is counted.
    private static readonly FormatException BadRecord = new("A record is bad.");

    /// <summary>Prints the report.</summary>
    /// <returns>1 if a bound was exceeded, which the last line says; otherwise 0.</returns>
    public static int Run(TextWriter output)
    {
        List<string> exceeded = [];
        foreach (int n in Counts)
        {
            foreach (int k in BadRecords)
            {
                List<bool[]> layouts = [.. Layouts.Of(n, k)];
                int[] calls = [.. layouts.Select(CountCalls)];
                (double average, int max, double bound) = (calls.Average(), calls.Max(), Bound(n, k));
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"isolation n={n} k={k} calls={average:0.0} max={max} bound={bound:0.0} bisect={layouts.Average(CountBisectCalls):0.0} scan={n + 1}"));

                if (max > bound)
                    exceeded.Add($"n={n} k={k} max");
                if ((n, k) == (1_000, 1) && average > MostOnAverageForOneOf1000)
                    exceeded.Add($"n={n} k={k} calls");
            }
        }

        if (exceeded.Count == 0)
            return 0;

        output.WriteLine($"isolation exceeded {string.Join(", ", exceeded)}");
        return 1;
    }

    // Every call of the handler, the first one of the whole batch included, as in the other two.
    private static int CountCalls(bool[] layout)
    {
        int calls = 0;
        using PipelineStage stage = PipelineStage.Create("benchmark", "isolation", new StageOptions
        {
            CircuitBreaker = { Enabled = false },

            // More witnesses than bad records: a batch that begins with many of them is searched to its end too.
            Recovery = { FailureStore = new DiscardingStore(), Payload = { Enabled = false }, Batches = { MaxIsolationCalls = null, Witnesses = layout.Length } },
        });

        BatchResult result = stage.ProcessBatchAsync(
            layout,
            (records, _) =>
            {
                calls++;
                return records.Contains(true) ? ValueTask.FromException(BadRecord) : default;
            },
            BatchEffect.Atomic).AsTask().GetAwaiter().GetResult();

        for (int i = 0; i < layout.Length; i++)
        {
            if (result[i].Disposition != (layout[i] ? Disposition.Quarantined : Disposition.Succeeded))
                throw new InvalidOperationException("The search did not find exactly the bad records.");
        }

        return calls;
    }

    // What AWS Lambda's BisectBatchOnFunctionError does: halve what fails and call both halves.
    private static int CountBisectCalls(bool[] layout) => CountBisectCalls(layout.AsSpan());

    private static int CountBisectCalls(ReadOnlySpan<bool> records) =>
        records.Length > 1 && records.Contains(true)
            ? 1 + CountBisectCalls(records[..(records.Length / 2)]) + CountBisectCalls(records[(records.Length / 2)..])
            : 1;

    private static double Bound(int n, int k) => k <= n / 10 ? k * (Math.Log2((double)n / k) + 5) + 12 : 2 * n + 2;
}
