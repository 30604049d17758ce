using System.Diagnostics;

namespace PipelineOps;

/// <summary>
/// Where a record comes from, as far as telemetry wants to know. Given by <see cref="TelemetryOptions.DescribeOrigin{T}"/>, mostly read from the record's headers by
/// <see cref="TraceHeaders"/>.
/// </summary>
public readonly record struct RecordOrigin
{
    /// <summary>
    /// What identifies the record in its own world, as a primary key does; told in spans and in the scopes of log lines, never in tags of metrics. Also the key of the
    /// record's failure, unless <see cref="RecoveryOptions.Describe{T}"/> gives one.
    /// </summary>
    /// <value><see langword="null"/> (the default) if it is not known.</value>
    public string? Key { get; init; }

    /// <summary>When what the record tells of happened. The time from then to the record's end is its age.</summary>
    /// <value><see langword="null"/> (the default) if it is not known; the record's age is not measured then.</value>
    public DateTimeOffset? EventTime { get; init; }

    /// <summary>The span that produced the record.</summary>
    /// <value>The default is none.</value>
    public ActivityContext TraceContext { get; init; }

    /// <summary>The run that produced the record.</summary>
    /// <value><see langword="null"/> (the default) if there was none: the run that reads the record is then told.</value>
    public string? RunId { get; init; }

    /// <summary>The baggage that came with the record, which the spans of its calls carry on.</summary>
    /// <value><see langword="null"/> (the default) for none.</value>
    public IReadOnlyList<KeyValuePair<string, string?>>? Baggage { get; init; }
}
