namespace PipelineOps.OpenTelemetry.Tests;

internal enum OtlpKind
{
    Gauge,
    Counter,
    UpDownCounter,
    Histogram,
    ExponentialHistogram,
}
