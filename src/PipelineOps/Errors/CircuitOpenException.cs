using System.Globalization;

namespace PipelineOps;

/// <summary>The stage's circuit is open, isolated, or half-open with every probe taken.</summary>
public sealed class CircuitOpenException : StageRejectedException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="pipeline">The pipeline's name.</param>
    /// <param name="stage">The stage's name.</param>
    /// <param name="retryAfter">How long until the circuit admits a probe; negative values are kept as zero; <see langword="null"/> for a circuit isolated by hand.</param>
    public CircuitOpenException(string pipeline, string stage, TimeSpan? retryAfter)
        : base(pipeline, stage, Describe(pipeline, stage, retryAfter)) =>
        RetryAfter = retryAfter is { } delay && delay < TimeSpan.Zero ? TimeSpan.Zero : retryAfter;

    private static string Describe(string pipeline, string stage, TimeSpan? retryAfter) => retryAfter is { } delay
        ? string.Create(CultureInfo.InvariantCulture, $"The circuit of stage {pipeline}/{stage} is open. Retry after {Math.Max(0, delay.TotalSeconds):0.###} s.")
        : $"The circuit of stage {pipeline}/{stage} is isolated by hand. Reset it to let calls pass.";
}
