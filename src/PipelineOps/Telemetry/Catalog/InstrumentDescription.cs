namespace PipelineOps;

/// <summary>An instrument of the meter <see cref="PipelineOpsTelemetry.MeterName"/>.</summary>
public sealed record InstrumentDescription
{
    /// <summary>The name, as in <c>pipelineops.stage.duration</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it measures.</summary>
    public required InstrumentKind Kind { get; init; }

    /// <summary>The unit in UCUM, as in <c>s</c> or <c>{call}</c>; <see langword="null"/> for a share, from 0 to 1.</summary>
    public string? Unit { get; init; }

    /// <summary>What a value means, in a sentence.</summary>
    public required string Description { get; init; }

    /// <summary>The tags, in the order in which every measurement has them.</summary>
    public required IReadOnlyList<TagDescription> Tags { get; init; }

    /// <summary>The bounds of a histogram's buckets that an SDK uses unless a view says otherwise; empty for what is no histogram.</summary>
    public IReadOnlyList<double> Buckets { get; init; } = [];

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
