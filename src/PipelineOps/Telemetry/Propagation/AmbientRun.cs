namespace PipelineOps;

/// <summary>The id of the run that the current flow of control works for, where nothing is known of runs themselves.</summary>
internal static class AmbientRun
{
    private static readonly AsyncLocal<string?> Current = new();

    /// <summary>The run's id; <see langword="null"/> outside a run.</summary>
    public static string? Id
    {
        get => Current.Value;
        set => Current.Value = value;
    }
}
