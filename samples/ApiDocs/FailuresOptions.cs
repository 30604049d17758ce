using System.Globalization;
using PipelineOps;

namespace ApiDocs;

/// <summary>What to do with stored failures, and with which.</summary>
public sealed record FailuresOptions
{
    private static readonly string[] Commands = ["list", "groups", "show", "redrive", "discard"];
    private static readonly Disposition[] KeptDispositions = [Disposition.Quarantined, Disposition.DeadLettered, Disposition.Parked, Disposition.FailedUnknown];

    /// <summary><c>list</c>, <c>groups</c>, <c>show</c>, <c>redrive</c> or <c>discard</c>.</summary>
    public required string Command { get; init; }

    /// <summary>The folder of the ingest.</summary>
    public string Output { get; init; } = IngestOptions.DefaultOutput;

    /// <summary>Which failures.</summary>
    public FailureFilter Filter { get; init; } = FailureFilter.All;

    /// <summary>How many are listed at most.</summary>
    public int? Limit { get; init; }

    /// <summary>How many are redriven at most.</summary>
    public int? Max { get; init; }

    /// <summary>How many are redriven in a second.</summary>
    public double? Rate { get; init; }

    /// <summary>Whether to say only what would be done.</summary>
    public bool DryRun { get; init; }

    /// <summary>Why failures are discarded.</summary>
    public string? Reason { get; init; }

    /// <summary>Who redrives or discards.</summary>
    public string Actor { get; init; } = Environment.UserName is { Length: > 0 } user ? user : "apidocs";

    /// <summary>The same for the library.</summary>
    public RedriveOptions ToRedrive() => new() { Filter = Filter, MaxCount = Max, MaxPerSecond = Rate, DryRun = DryRun, Actor = Actor };

    /// <param name="args">The command line behind <c>failures</c>.</param>
    /// <param name="now">What <c>--since</c> counts back from.</param>
    /// <param name="options">What it says.</param>
    /// <param name="problem">What is wrong with it; <see langword="null"/> also when it only asks for help.</param>
    /// <returns>Whether there is something to run.</returns>
    public static bool TryParse(ReadOnlySpan<string> args, DateTimeOffset now, out FailuresOptions options, out string? problem)
    {
        options = new FailuresOptions { Command = args is [var command, ..] ? command : string.Empty };
        problem = null;
        if (args.Contains("--help") || args.Contains("-h"))
            return false;

        if (!Commands.Contains(options.Command))
        {
            problem = Mismatch("failures", options.Command, Or(Commands));
            return false;
        }

        bool lists = options.Command is "list" or "groups";
        bool redrives = options.Command == "redrive";
        bool changes = redrives || options.Command == "discard";
        for (int i = 1; i < args.Length && problem is null; i++)
        {
            string value = i + 1 < args.Length && args[i + 1] is not ['-', '-', ..] ? args[i + 1] : string.Empty;
            FailureFilter filter = options.Filter;
            string? allowed = null;
            switch (args[i])
            {
                case [not '-', ..] id when !lists && filter.Id is null:
                    options = options with { Filter = filter with { Id = Guid.TryParse(id, out Guid known) ? known : null } };
                    problem = options.Filter.Id is null ? Mismatch("the failure", id, "an id as list prints them") : null;
                    continue;
                case "--dry-run" when changes:
                    options = options with { DryRun = true };
                    continue;
                case "--out":
                    options = options with { Output = value };
                    allowed = value.Length > 0 ? null : "a folder";
                    break;
                case "--stage" when lists || changes:
                    options = options with { Filter = filter with { Stage = value } };
                    allowed = IngestPipeline.StageNames.Contains(value) ? null : Or(IngestPipeline.StageNames);
                    break;
                case "--disposition" when lists || changes:
                    options = options with { Filter = filter with { Disposition = Named(value, KeptDispositions, out allowed) } };
                    break;
                case "--category" when lists || changes:
                    options = options with { Filter = filter with { Category = Named(value, Enum.GetValues<ErrorCategory>(), out allowed) } };
                    break;
                case "--status" when lists || changes:
                    options = options with { Filter = filter with { Status = Named(value, Enum.GetValues<FailureStatus>(), out allowed) } };
                    break;
                case "--fingerprint" when lists || changes:
                    options = options with { Filter = filter with { Fingerprint = value } };
                    allowed = value.Length is > 0 and <= 16 && value.All(char.IsAsciiHexDigit) ? null : "the first of 16 hexadecimal digits";
                    break;
                case "--since" when lists || changes:
                    options = options with { Filter = filter with { From = Time(value, now) } };
                    allowed = options.Filter.From is null ? "a time such as 2026-01-31T12:00Z, or a duration such as 90s, 30m, 12h or 7d" : null;
                    break;
                case "--limit" when lists:
                    options = options with { Limit = Count(value, out allowed) };
                    break;
                case "--max" when redrives:
                    options = options with { Max = Count(value, out allowed) };
                    break;
                case "--rate" when redrives:
                    options = options with { Rate = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double rate) ? rate : null };
                    allowed = options.Rate is >= 0.0001 and <= 1_000_000 ? null : "a number from 0.0001 to 1000000";
                    break;
                case "--reason" when options.Command == "discard":
                    options = options with { Reason = value };
                    allowed = string.IsNullOrWhiteSpace(value) ? "a text" : null;
                    break;
                case "--actor" when changes:
                    options = options with { Actor = value };
                    allowed = string.IsNullOrWhiteSpace(value) ? "a name" : null;
                    break;
                default:
                    problem = $"Cannot understand the argument '{args[i]}' of failures {options.Command}.";
                    return false;
            }

            problem = allowed is null ? null : Mismatch(args[i], value, allowed);
            i++;
        }

        problem ??= options switch
        {
            { Command: "show", Filter.Id: null } => "failures show needs the id of a failure, as list prints them.",
            { Command: "discard", Reason: null } => "failures discard needs --reason: a text that says why.",
            _ => null,
        };
        return problem is null;
    }

    private static string Mismatch(string name, string value, string allowed) => $"{name}: must be {allowed}, but is '{value}'.";

    private static string Or(IEnumerable<string> names) => string.Join(", ", names.SkipLast(1)) + " or " + names.Last();

    // Case and hyphens do not matter; numbers, which Enum.Parse would take, name nothing.
    private static T? Named<T>(string value, T[] allowed, out string? problem)
        where T : struct, Enum
    {
        foreach (T candidate in allowed)
        {
            if (string.Equals(candidate.ToString(), value.Replace("-", string.Empty, StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase))
            {
                problem = null;
                return candidate;
            }
        }

        problem = Or(allowed.Select(static candidate => candidate.ToString()));
        return null;
    }

    private static int? Count(string value, out string? problem)
    {
        bool isCount = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0;
        problem = isCount ? null : "a whole number from 1";
        return count;
    }

    private static DateTimeOffset? Time(string value, DateTimeOffset now)
    {
        if (value is [.. var number, 's' or 'm' or 'h' or 'd']
            && double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count))
        {
            double seconds = count * value[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 86400 };
            return seconds <= (now - DateTimeOffset.MinValue).TotalSeconds ? now - TimeSpan.FromSeconds(seconds) : null;
        }

        return DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : null;
    }
}
