namespace PipelineOps;

/// <summary>The names to give to an OpenTelemetry set-up: <c>AddMeter(PipelineOpsTelemetry.MeterName)</c> and <c>AddSource(PipelineOpsTelemetry.ActivitySourceName)</c>.</summary>
public static class PipelineOpsTelemetry
{
    /// <summary>The name of the meter that carries every instrument.</summary>
    public const string MeterName = "PipelineOps";

    /// <summary>The name of the activity source that starts every span.</summary>
    public const string ActivitySourceName = "PipelineOps";
}
