using PipelineOps;

namespace ApiDocs;

/// <summary>What to read and where to write.</summary>
public sealed record IngestOptions
{
    public static string DefaultOutput { get; } = Path.Combine("artifacts", "apidocs");

    /// <summary>A folder or one file; <see langword="null"/> for the SDK's own reference documentation.</summary>
    public string? Input { get; init; }

    public string Output { get; init; } = DefaultOutput;

    /// <summary>After how many requests the catalog goes down once.</summary>
    public int OutageAfterRequests { get; init; } = 2_000;

    /// <summary>How failures are kept.</summary>
    public FileFailureStoreOptions FailureStore { get; init; } = new();

    /// <summary>Where traces, metrics and logs are sent; <see langword="null"/> for nowhere.</summary>
    public Uri? Otlp { get; init; }

    /// <summary>The key of the record whose spans are shown afterwards; <see langword="null"/> for none.</summary>
    public string? Trace { get; init; }

    /// <param name="args">The command line.</param>
    /// <param name="options">What it says.</param>
    /// <param name="problem">What is wrong with it; <see langword="null"/> also when it only asks for help.</param>
    /// <returns>Whether there is something to run.</returns>
    public static bool TryParse(ReadOnlySpan<string> args, out IngestOptions options, out string? problem)
    {
        options = new IngestOptions();
        problem = null;
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--help" or "-h":
                    return false;
                case "--out" when i + 1 < args.Length:
                    options = options with { Output = args[++i] };
                    break;
                case "--otlp" when i + 1 < args.Length:
                    options = options with { Otlp = Uri.TryCreate(args[++i], UriKind.Absolute, out Uri? otlp) ? otlp : null };
                    if (options.Otlp is not { Scheme: "http" or "https" })
                    {
                        problem = $"--otlp: must be an absolute http or https address, such as http://127.0.0.1:4318, but is '{args[i]}'.";
                        return false;
                    }

                    break;
                case "--trace" when i + 1 < args.Length && args[i + 1] is [not '-', ..]:
                    options = options with { Trace = args[++i] };
                    break;
                case [not '-', ..] when options.Input is null:
                    options = options with { Input = args[i] };
                    break;
                default:
                    problem = $"Cannot understand the argument '{args[i]}'.";
                    return false;
            }
        }

        return true;
    }
}
