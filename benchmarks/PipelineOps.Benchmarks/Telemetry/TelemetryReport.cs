using System.Globalization;

namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>
/// Measures what telemetry costs a healthy call, for each way of listening to it, and compares that with the same instrumentation written by hand around the same engine.
/// Prints a line each.
/// </summary>
internal static class TelemetryReport
{
    private const double MaxRatio = 1.25;
    private const double MaxExtraNanoseconds = 3;

    /// <summary>Prints the report.</summary>
    /// <returns>0 whatever was missed, which the last line says, because a busy machine misses more; 2 if there is no such case.</returns>
    public static int Run(string[] names, TextWriter output)
    {
        string[] chosen = names.Length == 0 ? [.. Listening.Cases] : [.. Listening.Cases.Where(names.Contains)];
        if (chosen.Length < names.Length)
        {
            output.WriteLine($"Unknown case. Known: {string.Join(", ", Listening.Cases)}");
            return 2;
        }

        List<string> missed = [];
        foreach (string listening in chosen)
        {
            TelemetryCost cost = TelemetryCost.Of(listening);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"telemetry {listening} ns={cost.Nanoseconds:0.0} extra={cost.Extra:0.0} alloc={cost.Bytes:0.##} "
                + $"hand={cost.HandNanoseconds:0.0} ratio={cost.Ratio:0.00} handalloc={cost.HandBytes:0.##}"));

            // As they are printed, so that the last line never contradicts the others.
            Require(Math.Round(cost.Ratio, 2) <= MaxRatio, $"{listening} ratio");
            if (listening == Listening.Off)
            {
                Require(Math.Round(cost.Extra, 1) <= MaxExtraNanoseconds, $"{listening} extra");
                Require(Math.Round(cost.Bytes, 2) == 0, $"{listening} alloc");
            }
        }

        string verdict = missed.Count == 0 ? "met" : $"missed {string.Join(", ", missed)}";
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"telemetry targets: ratio<={MaxRatio:0.00} each, off extra<={MaxExtraNanoseconds:0.0} ns alloc=0: {verdict}"));
        return 0;

        void Require(bool met, string target)
        {
            if (!met)
                missed.Add(target);
        }
    }
}
