namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>Stages as <see cref="TestStage"/> makes them, with meters of their own, which end with the test.</summary>
internal static class OwnStage
{
    private static readonly List<OwnMeters> Meters = [];

    public static PipelineStage Create(TimeProvider time, Action<StageOptions>? configure = null) => PipelineStage.Create("orders", "load", Options(time, configure));

    public static StageOptions Options(TimeProvider time, Action<StageOptions>? configure = null) => TestStage.Options(time, options =>
    {
        var meters = new OwnMeters();
        Meters.Add(meters);
        options.MeterFactory = meters;
        configure?.Invoke(options);
    });

    public static void EndMeters()
    {
        Meters.ForEach(static meters => meters.Dispose());
        Meters.Clear();
    }
}
