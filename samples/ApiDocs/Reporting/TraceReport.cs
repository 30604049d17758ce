using ApiDocs.Telemetry;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>What happened to one record.</summary>
internal static class TraceReport
{
    /// <returns>Whether there was such a record.</returns>
    public static async Task<bool> TryWriteAsync(RecordTrail trail, IAnsiConsole console)
    {
        // Not through the console, which would break long lines in two.
        string[] lines = [.. TraceTree.Lines(trail)];
        foreach (string line in lines)
            await console.Profile.Out.Writer.WriteLineAsync(line);
        return lines.Length > 0;
    }

    /// <summary>Why there is nothing to show, and where keys are to be found.</summary>
    public static string NotFound(RecordTrail trail)
    {
        string guess = trail.SimilarKey is { } similar ? $"did you mean {similar}? Other keys" : "keys";
        return $"no record has the key {trail.Key}; {guess} are in the lines of: ApiDocs failures list --stage enrich --limit 5";
    }
}
