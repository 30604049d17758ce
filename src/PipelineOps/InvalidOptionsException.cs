namespace PipelineOps;

/// <summary>
/// Thrown when options are out of range. Lists every invalid field at once, so that one run shows everything to correct.
/// </summary>
public sealed class InvalidOptionsException : ArgumentException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="failures">One sentence for each invalid field: its path, its value and what is allowed.</param>
    public InvalidOptionsException(IReadOnlyList<string> failures)
        : base(Describe(failures)) => Failures = failures;

    /// <summary>One sentence for each invalid field: its path, its value and what is allowed.</summary>
    public IReadOnlyList<string> Failures { get; }

    private static string Describe(IReadOnlyList<string> failures)
    {
        ArgumentNullException.ThrowIfNull(failures);
        return failures.Count == 1
            ? failures[0]
            : $"{failures.Count} invalid options:{Environment.NewLine}- {string.Join($"{Environment.NewLine}- ", failures)}";
    }
}
