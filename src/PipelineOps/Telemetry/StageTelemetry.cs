using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>What one stage tells: its log, its measurements and its spans.</summary>
internal sealed class StageTelemetry
{
    private readonly double _timeSpanTicksPerTick;

    public StageTelemetry(string pipeline, string stage, TelemetryMeter meter, ILogger logger, TimeProvider timeProvider, TelemetryOptions options)
    {
        Pipeline = pipeline;
        Stage = stage;
        Name = $"{pipeline}/{stage}";
        KeyValuePair<string, object?>[] tags = [new("pipeline", pipeline), new("stage", stage)];
        OfPipeline = new PipelineTelemetry(pipeline, meter, logger, timeProvider);
        Logs = new StageLogs(pipeline, stage, logger, options, timeProvider);
        Metrics = new StageMetrics(pipeline, stage, tags, meter.Stages, Logs, timeProvider);
        Origins = new RecordOrigins(options.Origins, Logs);
        if (Origins.Any)
            Logs.OriginOf = Origins.Of;

        Spans = new StageSpans(Name, tags, Logs, Origins, timeProvider, options);
        _timeSpanTicksPerTick = (double)TimeSpan.TicksPerSecond / timeProvider.TimestampFrequency;
    }

    public string Pipeline { get; }

    public string Stage { get; }

    /// <summary>The stage's name with its pipeline's, as spans and keyed services carry it.</summary>
    public string Name { get; }

    /// <summary>What the stage's pipeline tells by the same log, meter and clock.</summary>
    public PipelineTelemetry OfPipeline { get; }

    public StageLogs Logs { get; }

    public StageMetrics Metrics { get; }

    public StageSpans Spans { get; }

    public RecordOrigins Origins { get; }

    public TimeSpan ToTimeSpan(long elapsed) => new((long)(elapsed * _timeSpanTicksPerTick));
}
