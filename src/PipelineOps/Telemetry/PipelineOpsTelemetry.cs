#if NET9_0_OR_GREATER
using System.Diagnostics.CodeAnalysis;
#endif

namespace PipelineOps;

/// <summary>The names to give to an OpenTelemetry set-up: <c>AddMeter(PipelineOpsTelemetry.MeterName)</c> and <c>AddSource(PipelineOpsTelemetry.ActivitySourceName)</c>.</summary>
public static class PipelineOpsTelemetry
{
    /// <summary>The name of the meter that carries every instrument.</summary>
    public const string MeterName = "PipelineOps";

    /// <summary>The name of the activity source that starts every span.</summary>
    public const string ActivitySourceName = "PipelineOps";

    // A field, so that the compiler takes it for a constant once the class is initialized.
    private static readonly bool Supported = !AppContext.TryGetSwitch("PipelineOps.Telemetry.IsSupported", out bool isSupported) || isSupported;

    internal static string? Version { get; } = typeof(PipelineOpsTelemetry).Assembly.GetName().Version?.ToString(3);

    /// <summary>
    /// Whether anything is measured or traced at all. A program that is sure never to listen turns that off with the switch
    /// <c>PipelineOps.Telemetry.IsSupported</c> of its runtime configuration, and saves a nanosecond for each call. Logs do not depend on it.
    /// </summary>
    /// <value>The default is <see langword="true"/>.</value>
#if NET9_0_OR_GREATER
    [FeatureSwitchDefinition("PipelineOps.Telemetry.IsSupported")]
#endif
    internal static bool IsSupported => Supported;
}
