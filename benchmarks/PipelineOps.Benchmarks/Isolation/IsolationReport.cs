using System.Globalization;

namespace PipelineOps.Benchmarks.Isolation;

/// <summary>Counts the calls that it takes to find the bad records of a batch, and prints a line for each size and number of them.</summary>
internal static class IsolationReport
{
    private const double MostOnAverageForOneOf1000 = 14.5;

    private static readonly int[] Counts = [100, 1_000, 10_000];

    private static readonly int[] BadRecords = [1, 2, 5, 10, 50];

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

    // The whole batch's call included, as in the other two.
    private static int CountCalls(bool[] layout)
    {
        // More witnesses than bad records: a batch that begins with many of them is searched to its end too.
        var isolation = new BatchIsolation(layout.Length, new BatchOptions { MaxIsolationCalls = null, Witnesses = layout.Length });
        while (isolation.TryGetNext(out int start, out int length))
        {
            if (layout.AsSpan(start, length).Contains(true))
                isolation.Failed();
            else
                isolation.Succeeded();
        }

        if (isolation.Outcome != IsolationOutcome.Completed || !isolation.Poison.SequenceEqual(Enumerable.Range(0, layout.Length).Where(i => layout[i])))
            throw new InvalidOperationException("The search did not find exactly the bad records.");

        return isolation.Calls;
    }

    // What AWS Lambda's BisectBatchOnFunctionError does: halve what fails and call both halves.
    private static int CountBisectCalls(bool[] layout) => CountBisectCalls(layout.AsSpan());

    private static int CountBisectCalls(ReadOnlySpan<bool> records) =>
        records.Length > 1 && records.Contains(true)
            ? 1 + CountBisectCalls(records[..(records.Length / 2)]) + CountBisectCalls(records[(records.Length / 2)..])
            : 1;

    private static double Bound(int n, int k) => k <= n / 10 ? k * (Math.Log2((double)n / k) + 5) + 12 : 2 * n + 2;
}
