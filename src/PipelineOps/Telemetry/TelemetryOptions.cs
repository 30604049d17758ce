namespace PipelineOps;

/// <summary>What a stage tells of its calls and records. Read once, when the stage is built; reconfiguring a stage leaves it as it was.</summary>
public sealed class TelemetryOptions
{
    private static readonly IReadOnlyDictionary<Type, Func<object, RecordOrigin>> NoOrigins = new Dictionary<Type, Func<object, RecordOrigin>>();

    private Dictionary<Type, Func<object, RecordOrigin>>? _origins;

    /// <summary>When attempts are spans of their own.</summary>
    /// <value>The default is <see cref="AttemptSpans.WhenRetried"/>.</value>
    public AttemptSpans AttemptSpans { get; set; }

    /// <summary>To how many producers of its records the span of a batch's call is linked.</summary>
    /// <value>The default is 128, of which an OpenTelemetry SDK keeps all; from 0 to 1,000.</value>
    public int MaxLinks { get; set; } = 128;

    /// <summary>
    /// Whether what handlers log is in a scope with the run, the pipeline, the stage and the record's key. The stage's own lines always are. A scope costs a healthy call
    /// some hundred nanoseconds and an allocation.
    /// </summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool LogScopes { get; set; }

    /// <summary>How many lines of one kind, which is an event with a type of error, are written in each <see cref="LogWindow"/>; how many more there were is told at its end.</summary>
    /// <value>The default is 10; at least 1; <see cref="int.MaxValue"/> for all.</value>
    public int LogBurst { get; set; } = 10;

    /// <summary>The time in which lines of one kind are counted.</summary>
    /// <value>The default is 10 s; from 100 ms to 1 hour.</value>
    public TimeSpan LogWindow { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether the line that tells of a record which is kept also has, in its scope, the beginning of the record's payload and what is in <see cref="Exception.Data"/>, all
    /// through <see cref="RedactDetail"/>. The payload is what the failure store keeps of it, <see cref="PayloadOptions.Redact"/> included.
    /// </summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool LogDetails { get; set; }

    /// <summary>
    /// Says what of a detail is logged: gets the name, which is <c>Payload</c> or a key of <see cref="Exception.Data"/>, and the text; answers the text to write, or
    /// <see langword="null"/> for none. If it throws, nothing of the detail is logged.
    /// </summary>
    /// <value><see langword="null"/> (the default) to write details as they are.</value>
    public Func<string, string, string?>? RedactDetail { get; set; }

    internal IReadOnlyDictionary<Type, Func<object, RecordOrigin>> Origins => _origins ?? NoOrigins;

    /// <summary>Tells where records come from. Asked for every record, but only while somebody listens: read what is there, and no more.</summary>
    /// <typeparam name="T">The type of the records; also asked for records of a type derived from it that has no description of its own.</typeparam>
    /// <param name="describe">Describes a record's origin. If it throws, that is logged, and the record has none.</param>
    /// <returns>The same options.</returns>
    public TelemetryOptions DescribeOrigin<T>(Func<T, RecordOrigin> describe)
    {
        ArgumentNullException.ThrowIfNull(describe);
        (_origins ??= [])[typeof(T)] = record => describe((T)record);
        return this;
    }

    internal TelemetryOptions Copy()
    {
        var copy = (TelemetryOptions)MemberwiseClone();
        copy._origins = _origins is null ? null : new(_origins);
        return copy;
    }

    internal void Validate(OptionsProblems problems, string prefix)
    {
        problems.Require(Enum.IsDefined(AttemptSpans), $"{prefix}{nameof(AttemptSpans)}", AttemptSpans, "WhenRetried, Always or Never");
        problems.Require(MaxLinks is >= 0 and <= 1_000, $"{prefix}{nameof(MaxLinks)}", MaxLinks, "from 0 to 1000");
        problems.Require(LogBurst >= 1, $"{prefix}{nameof(LogBurst)}", LogBurst, "at least 1");
        problems.Require(
            LogWindow >= TimeSpan.FromMilliseconds(100) && LogWindow <= TimeSpan.FromHours(1), $"{prefix}{nameof(LogWindow)}", LogWindow, "from 100 ms to 1 hour");
    }
}
