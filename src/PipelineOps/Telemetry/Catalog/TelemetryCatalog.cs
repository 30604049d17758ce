namespace PipelineOps;

/// <summary>
/// Everything that the library tells: its instruments, spans and log events. The instruments are made from these entries, and documentation and dashboards from
/// the same. Names, units and tags are a promise.
/// </summary>
public static class TelemetryCatalog
{
    private static readonly double[] LatencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly double[] AgeBuckets = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];
    private static readonly double[] RunBuckets = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];
    private static readonly double[] SizeBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
    private static readonly double[] CallBuckets = [1, 2, 5, 10, 15, 20, 30, 50, 100, 200, 500, 1_000, 2_000];

    private static readonly TagDescription Pipeline = new("pipeline", "the pipeline's name", []);
    private static readonly TagDescription Stage = new("stage", "the stage's name", []);
    private static readonly TagDescription Queue = new("queue", "the queue's name", []);
    private static readonly TagDescription ErrorType = new(
        "error.type", "the type of the exception, or the category of a failure by result; left out after a success", [], IsOptional: true);

    private static readonly TagDescription Category = new(
        "category", "what the error means", [.. Enum.GetValues<ErrorCategory>().Select(static category => category.ToTag())]);

    private static readonly TagDescription RunStatus = new(
        "status", "how the run ended; abandoned if that was before its source did, by a stop or without anybody saying so", [.. RunStatusTag.All]);

    internal static InstrumentDescription StageDuration { get; } = Distribution(
        "pipelineops.stage.duration", "s", "How long a call took, retries and waits included.", LatencyBuckets, ErrorType);

    internal static InstrumentDescription AttemptDuration { get; } = Distribution(
        "pipelineops.stage.attempt.duration", "s", "How long one invocation of the delegate took.", LatencyBuckets, ErrorType);

    internal static InstrumentDescription ActiveCalls { get; } = Stages(
        "pipelineops.stage.active", InstrumentKind.UpDownCounter, "{call}", "Calls that have begun and not ended, those that wait or retry included.");

    internal static InstrumentDescription Calls { get; } = Stages(
        "pipelineops.calls",
        InstrumentKind.Counter,
        "{call}",
        "Calls that reached their delegate, by what retrying did for them.",
        new TagDescription("outcome", "how the call ended", CallOutcomeTag.All));

    internal static InstrumentDescription Attempts { get; } = Stages(
        "pipelineops.attempts", InstrumentKind.Counter, "{attempt}", "Invocations of the delegate, by calls that have ended.");

    internal static InstrumentDescription Retries { get; } = Stages(
        "pipelineops.retries", InstrumentKind.Counter, "{retry}", "Attempts that followed a failed one, by the category of the failure.", Category);

    internal static InstrumentDescription RetriesExhausted { get; } = Stages(
        "pipelineops.retries.exhausted", InstrumentKind.Counter, "{call}", "Calls that failed although their last failure could be retried.");

    internal static InstrumentDescription RetriesDenied { get; } = Stages(
        "pipelineops.retries.denied", InstrumentKind.Counter, "{retry}", "Retries that the budget refused.");

    internal static InstrumentDescription CircuitState { get; } = Stages(
        "pipelineops.circuit.state",
        InstrumentKind.Gauge,
        "{circuit}",
        "1 for the state that the circuit is in, 0 for the others.",
        new TagDescription("state", "the state", CircuitStateTag.All));

    internal static InstrumentDescription CircuitTransitions { get; } = Stages(
        "pipelineops.circuit.transitions",
        InstrumentKind.Counter,
        "{transition}",
        "Changes of the circuit's state.",
        new TagDescription("from", "the state before", CircuitStateTag.All),
        new TagDescription("to", "the state after", CircuitStateTag.All));

    internal static InstrumentDescription CircuitRejections { get; } = Stages(
        "pipelineops.circuit.rejections", InstrumentKind.Counter, "{call}", "Calls and retries that an open circuit refused.");

    internal static InstrumentDescription CircuitFailureRate { get; } = Stages(
        "pipelineops.circuit.failure_rate", InstrumentKind.Gauge, null, "The share of failures in the circuit's window, from 0 to 1; 0 while nothing is counted.");

    internal static InstrumentDescription ConcurrencyActive { get; } = Stages(
        "pipelineops.concurrency.active", InstrumentKind.UpDownCounter, "{call}", "Calls that hold a slot of the stage's concurrency limit.");

    internal static InstrumentDescription ConcurrencyQueued { get; } = Stages(
        "pipelineops.concurrency.queued", InstrumentKind.UpDownCounter, "{call}", "Calls that wait for a slot.");

    internal static InstrumentDescription ConcurrencyLimit { get; } = Stages(
        "pipelineops.concurrency.limit", InstrumentKind.UpDownCounter, "{call}", "How many calls may hold a slot.");

    internal static InstrumentDescription ConcurrencyRejections { get; } = Stages(
        "pipelineops.concurrency.rejections", InstrumentKind.Counter, "{call}", "Calls that the concurrency limit refused, or that waited for a slot until their deadline.");

    internal static InstrumentDescription Records { get; } = Stages(
        "pipelineops.records",
        InstrumentKind.Counter,
        "{record}",
        "Records by where they ended.",
        new TagDescription("disposition", "where the record ended; returned if it was given back to its source", DispositionTag.All));

    internal static InstrumentDescription ActiveRecords { get; } = Stages(
        "pipelineops.records.active", InstrumentKind.UpDownCounter, "{record}", "Records that have begun and not ended.");

    internal static InstrumentDescription RecordAge { get; } = Distribution(
        "pipelineops.record.age", "s", "The time from a record's event to its end in the stage, where the event's time is known.", AgeBuckets);

    internal static InstrumentDescription BatchSize { get; } = Distribution(
        "pipelineops.batch.size", "{record}", "How many records a batch had.", SizeBuckets);

    internal static InstrumentDescription BatchCalls { get; } = Distribution(
        "pipelineops.batch.calls", "{call}", "How many calls it took to isolate the bad records of a batch.", CallBuckets);

    internal static InstrumentDescription BatchLimit { get; } = Stages(
        "pipelineops.batch.limit", InstrumentKind.Gauge, "{record}", "How many records the dependency takes at once, as far as that is known.");

    internal static InstrumentDescription FailuresStored { get; } = Stages(
        "pipelineops.failures.stored", InstrumentKind.Counter, "{failure}", "Failures that were kept in the failure store, by the category of their error.", Category);

    internal static InstrumentDescription AppendDuration { get; } = Distribution(
        "pipelineops.store.append.duration", "s", "How long the failure store took to keep failures.", LatencyBuckets, ErrorType);

    internal static InstrumentDescription QueueLength { get; } = Of(
        "pipelineops.queue.length", InstrumentKind.UpDownCounter, "{record}", "Records that wait in a queue.", Pipeline, Queue);

    internal static InstrumentDescription QueueOldestAge { get; } = Of(
        "pipelineops.queue.oldest_age",
        InstrumentKind.Gauge,
        "s",
        "The age of the record that waits longest, where that is known; 0 for an empty queue.",
        Pipeline,
        Queue);

    internal static InstrumentDescription RunDuration { get; } =
        Of("pipelineops.run.duration", InstrumentKind.Histogram, "s", "How long a run took.", Pipeline, RunStatus) with { Buckets = RunBuckets };

    internal static InstrumentDescription Runs { get; } = Of("pipelineops.runs", InstrumentKind.Counter, "{run}", "Runs that have ended.", Pipeline, RunStatus);

    internal static InstrumentDescription ActiveRuns { get; } = Of(
        "pipelineops.runs.active", InstrumentKind.UpDownCounter, "{run}", "Runs that have begun and not ended.", Pipeline);

    internal static InstrumentDescription PropagationMalformed { get; } = Of(
        "pipelineops.propagation.malformed",
        InstrumentKind.Counter,
        "{header}",
        "Headers of messages that were ignored, wholly or in part, because they were malformed or too long.",
        new TagDescription("header", "which header", ["traceparent", "tracestate", "baggage", "run_id", "headers"]));

    /// <summary>Every instrument of the meter <see cref="PipelineOpsTelemetry.MeterName"/>, in an order for readers.</summary>
    public static IReadOnlyList<InstrumentDescription> Instruments { get; } =
    [
        StageDuration, AttemptDuration, ActiveCalls, Calls, Attempts,
        Retries, RetriesExhausted, RetriesDenied,
        CircuitState, CircuitTransitions, CircuitRejections, CircuitFailureRate,
        ConcurrencyActive, ConcurrencyQueued, ConcurrencyLimit, ConcurrencyRejections,
        Records, ActiveRecords, RecordAge, BatchSize, BatchCalls, BatchLimit,
        FailuresStored, AppendDuration,
        QueueLength, QueueOldestAge,
        RunDuration, Runs, ActiveRuns,
        PropagationMalformed,
    ];

    /// <summary>Every kind of span of the source <see cref="PipelineOpsTelemetry.ActivitySourceName"/>.</summary>
    public static IReadOnlyList<SpanDescription> Spans { get; } =
    [
        new("{pipeline}/{stage}", "One call, retries and waits included; linked to the producers of its records")
        {
            Attributes =
            [
                Pipeline, Stage,
                new(SpanAttribute.Attempts, "how often the delegate was invoked", []),
                new(SpanAttribute.RunId, "the run; left out where there is none", [], IsOptional: true),
                new(SpanAttribute.RecordKey, "the record's key; left out where it is not known", [], IsOptional: true),
                new(SpanAttribute.BatchSize, "how many records a batch had; left out otherwise", [], IsOptional: true),
                ErrorType,
            ],
            Events =
            [
                new("retry", "An attempt failed and another one follows: attempt, category, error.type, delay in seconds"),
                new("wait", "The call waits: for slot or circuit"),
                new("circuit_rejected", "The circuit was open: retry_after in seconds, where that is known"),
            ],
        },
        new("{pipeline}/{stage} attempt", "One invocation of the delegate; a child of the call, by default where there is more than one")
        {
            Attributes =
            [
                Pipeline, Stage,
                new(SpanAttribute.Attempt, "the attempt's number, from 1", []),
                new(SpanAttribute.Delay, "the delay before it, in seconds; left out for the first", [], IsOptional: true),
                ErrorType,
            ],
        },
        new("{pipeline}/{stage} recover", "What is done about a batch that failed, such as the search for its bad records; a child of the call that failed, its further calls are children")
        {
            Attributes = [Pipeline, Stage, new(SpanAttribute.BatchSize, "how many records the batch had", [])],
        },
        new("{pipeline}/{stage} keep", "Failures that are put into the failure store; a child of the call that failed")
        {
            Attributes =
            [
                Pipeline, Stage,
                new(SpanAttribute.FailureId, "the failure's id; left out for several", [], IsOptional: true),
                new(SpanAttribute.RecordKey, "the record's key; left out for several, or where it is not known", [], IsOptional: true),
                new(SpanAttribute.Disposition, "where the record ended; left out for several", [.. DispositionTag.Kept], IsOptional: true),
                new(SpanAttribute.BatchSize, "how many failures are kept; left out for one", [], IsOptional: true),
                ErrorType,
            ],
            Events = [new("failure", "One of several failures: pipelineops.failure.id, pipelineops.record.key, pipelineops.disposition; the first 128")],
        },
        new("{pipeline}/{stage} redrive", "A failure that is processed again: the root of a new trace, linked to the original; its call is a child")
        {
            Attributes =
            [
                Pipeline, Stage,
                new(SpanAttribute.FailureId, "the id of the failure that is redriven", []),
                new(SpanAttribute.RedriveCount, "how often the record was redriven before", []),
                new(SpanAttribute.RecordKey, "the record's key; left out where it is not known", [], IsOptional: true),
                ErrorType,
            ],
        },
    ];

    /// <summary>Every event of the log category <c>PipelineOps</c>.</summary>
    public static IReadOnlyList<LogEventDescription> LogEvents { get; } =
    [
        new(1, "Retry", "Information", "an attempt failed and another one follows"),
        new(2, "RetriesExhausted", "by severity", "a call failed although its last failure could be retried"),
        new(3, "CircuitChanged", "Warning when it opens or is isolated, otherwise Information", "the circuit changed its state"),
        new(4, "CallbackFailed", "Error", "a callback, listener or rule of the program threw, and the call went on without it"),
        new(5, "RecordKept", "by severity", "a record that failed is in the failure store"),
        new(6, "StoreFailed", "Critical", "the failure store failed, and the stage stops until it works again"),
        new(7, "StoreRecovered", "Information", "the failure store works again"),
        new(8, "SkipLimitCrossed", "Critical", "too many records failed, and the run fails"),
        new(9, "NotificationsDropped", "Warning", "notifications were left out"),
        new(10, "Repeated", "the gravest of the lines", "so many more lines of one kind were not written"),
        new(11, "RunEnded", "Information if it succeeded, Warning if it was abandoned, Error if it failed", "a run has ended, with its figures"),
    ];

    private static InstrumentDescription Distribution(string name, string unit, string description, double[] buckets, params TagDescription[] tags) =>
        Stages(name, InstrumentKind.Histogram, unit, description, tags) with { Buckets = buckets };

    private static InstrumentDescription Stages(string name, InstrumentKind kind, string? unit, string description, params TagDescription[] tags) =>
        Of(name, kind, unit, description, [Pipeline, Stage, .. tags]);

    private static InstrumentDescription Of(string name, InstrumentKind kind, string? unit, string description, params TagDescription[] tags) => new()
    {
        Name = name,
        Kind = kind,
        Unit = unit,
        Description = description,
        Tags = tags,
    };
}
