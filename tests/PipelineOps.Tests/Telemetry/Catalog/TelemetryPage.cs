using System.Globalization;
using System.Text;
using static System.FormattableString;

namespace PipelineOps.Tests.Telemetry.Catalog;

/// <summary>The text of docs/telemetry.md, which is written from the catalogue.</summary>
internal static class TelemetryPage
{
    private const string SetUp =
        """
        # Telemetry

        Stages measure, trace and log with what .NET itself has. Nothing is sent anywhere until the program says where to, and next to nothing is done until somebody listens.

        This page is written from `TelemetryCatalog` by the tests, which also check every metric, label and label value in its queries. Names, units and tags are a promise.

        ## Set-up

        Tell the OpenTelemetry SDK two names, here as the whole of its set-up, with the packages `OpenTelemetry` and `OpenTelemetry.Exporter.OpenTelemetryProtocol`; in a host, the
        same to `services.AddOpenTelemetry()` of `OpenTelemetry.Extensions.Hosting`. Without `AddMeter` or `AddSource` nothing warns: there is just nothing to see.

        <!-- snippet: opentelemetry -->
        ```csharp
        using OpenTelemetrySdk telemetry = OpenTelemetrySdk.Create(otel => otel
            .WithTracing(tracing => tracing.AddSource(PipelineOpsTelemetry.ActivitySourceName).AddOtlpExporter())
            .WithMetrics(metrics => metrics.AddMeter(PipelineOpsTelemetry.MeterName).AddOtlpExporter()));
        ```

        Both names are `PipelineOps`, and so is the log category. A container gives stages its `IMeterFactory` and its `ILoggerFactory`; without a container set
        `StageOptions.MeterFactory` and `.LoggerFactory`, or leave the meter to one that the process shares.

        | Mind, with the SDK | Because |
        |---|---|
        | 222 stages with a circuit, then a higher `CardinalityLimit` | it keeps 2,000 series of an instrument, and `pipelineops.circuit.transitions` has nine for each stage |
        | views that take tags off are for histograms | of what is observed, which all else is, the SDK does not add the series up but keeps one of them |
        | a sampler sees the pipeline and the stage | links, keys and sizes are added once a span is wanted |
        | the meter provider ends, or is flushed, before the container does | what is counted outlives its stages, but ends with the container's meters; gauges end with their stage. A host does it by itself where hosted services take the registry in their constructors |
        | a stage's name once in a process, over all containers | the stages of one name and one meter are added up; of the series of two containers' meters, the SDK keeps one |

        """;

    private const string Questions =
        """
        ## Five questions

        For Prometheus, by the names in the table of [instruments](#instruments). Write your pipeline for `orders`; add `stage="load"` for one stage.

        | Mind | Because |
        |---|---|
        | a guard as in `>= 20` | a share of three calls says nothing; what is below the guard is absent, not 0 |
        | `unless … offset … or increase` | a series that begins with its first event has no increase yet, so its value is taken; those of known labels begin at 0, those with an `error_type` do not |
        | a range of at least four scrapes | `rate` and `increase` need two samples, and one may be missing |
        | a cancelled call is a failed one | its `error_type` is that of the cancellation |
        | a refused call is no failed one | it did not reach its delegate; refused calls have queries of their own, below |
        | a stage of batches fails more calls than records | each call of the search for bad records counts; for records, see the last question |

        ### Is it failing, and where?

        ```promql
        # The share of calls that failed, of stages with at least 20 calls.
        sum by (pipeline, stage) (increase(pipelineops_calls_total{pipeline="orders", outcome=~"failed_.+"}[5m]))
          / (sum by (pipeline, stage) (increase(pipelineops_calls_total{pipeline="orders"}[5m])) >= 20)

        # By what: the five errors that most calls ended with.
        topk(5, sum by (pipeline, stage, error_type) (
          pipelineops_stage_duration_seconds_count{pipeline="orders", error_type!=""}
            unless last_over_time(pipelineops_stage_duration_seconds_count{pipeline="orders", error_type!=""}[5m] offset 5m)
          or increase(pipelineops_stage_duration_seconds_count{pipeline="orders", error_type!=""}[5m])) > 0)

        # What the dependency answers, attempt by attempt, retries included.
        topk(5, sum by (pipeline, stage, error_type) (
          pipelineops_stage_attempt_duration_seconds_count{pipeline="orders", error_type!=""}
            unless last_over_time(pipelineops_stage_attempt_duration_seconds_count{pipeline="orders", error_type!=""}[5m] offset 5m)
          or increase(pipelineops_stage_attempt_duration_seconds_count{pipeline="orders", error_type!=""}[5m])) > 0)
        ```

        ### Is it slow?

        ```promql
        # The median, the 95th and the 99th percentile of calls, of stages with enough of them.
        histogram_quantile(0.5, sum by (pipeline, stage, le) (rate(pipelineops_stage_duration_seconds_bucket{pipeline="orders"}[5m])))
          and on (pipeline, stage) sum by (pipeline, stage) (increase(pipelineops_stage_duration_seconds_count{pipeline="orders"}[5m])) >= 20

        histogram_quantile(0.95, sum by (pipeline, stage, le) (rate(pipelineops_stage_duration_seconds_bucket{pipeline="orders"}[5m])))
          and on (pipeline, stage) sum by (pipeline, stage) (increase(pipelineops_stage_duration_seconds_count{pipeline="orders"}[5m])) >= 20

        histogram_quantile(0.99, sum by (pipeline, stage, le) (rate(pipelineops_stage_duration_seconds_bucket{pipeline="orders"}[5m])))
          and on (pipeline, stage) sum by (pipeline, stage) (increase(pipelineops_stage_duration_seconds_count{pipeline="orders"}[5m])) >= 100

        # The same of attempts: a slow call of quick attempts waits, for retries, the circuit or a slot.
        histogram_quantile(0.95, sum by (pipeline, stage, le) (rate(pipelineops_stage_attempt_duration_seconds_bucket{pipeline="orders"}[5m])))
          and on (pipeline, stage) sum by (pipeline, stage) (increase(pipelineops_stage_attempt_duration_seconds_count{pipeline="orders"}[5m])) >= 20

        # The share of the calls' time that their attempts took: 1 if nothing waits.
        sum by (pipeline, stage) (rate(pipelineops_stage_attempt_duration_seconds_sum{pipeline="orders"}[5m]))
          / (sum by (pipeline, stage) (rate(pipelineops_stage_duration_seconds_sum{pipeline="orders"}[5m])) > 0)
          and on (pipeline, stage) sum by (pipeline, stage) (increase(pipelineops_stage_duration_seconds_count{pipeline="orders"}[5m])) >= 20
        ```

        ### Is it stuck or falling behind?

        ```promql
        # Queues that hold at least 100 records and grow.
        sum by (pipeline, queue) (pipelineops_queue_length{pipeline="orders"}) >= 100
          and on (pipeline, queue) sum by (pipeline, queue) (deriv(pipelineops_queue_length{pipeline="orders"}[10m])) > 0

        # Queues whose oldest record has waited for more than 5 minutes.
        max by (pipeline, queue) (pipelineops_queue_oldest_age_seconds{pipeline="orders"}) > 300

        # How old records are at their end, where their event's time is known.
        histogram_quantile(0.95, sum by (pipeline, stage, le) (rate(pipelineops_record_age_seconds_bucket{pipeline="orders"}[5m])))
          and on (pipeline, stage) sum by (pipeline, stage) (increase(pipelineops_record_age_seconds_count{pipeline="orders"}[5m])) >= 20

        # Calls in flight in a process in which none has ended for 10 minutes.
        min_over_time(pipelineops_stage_active{pipeline="orders"}[10m]) > 0 and pipelineops_stage_active{pipeline="orders"} offset 10m > 0
          unless sum without (outcome) (increase(pipelineops_calls_total{pipeline="orders"}[10m])) > 0

        # Calls that wait for a slot, for each slot that there is.
        sum by (pipeline, stage) (pipelineops_concurrency_queued{pipeline="orders"})
          / (sum by (pipeline, stage) (pipelineops_concurrency_limit{pipeline="orders"}) > 0)

        # Calls that were refused.
        sum by (pipeline, stage) (increase(pipelineops_concurrency_rejections_total{pipeline="orders"}[5m])) > 0

        sum by (pipeline, stage) (increase(pipelineops_circuit_rejections_total{pipeline="orders"}[5m])) > 0

        # Circuits that are open or isolated, in how many processes.
        sum by (pipeline, stage, state) (pipelineops_circuit_state{pipeline="orders", state=~"open|isolated"}) > 0

        # Failure stores that fail: their stages wait until they work again.
        sum by (pipeline, stage, error_type) (
          pipelineops_store_append_duration_seconds_count{pipeline="orders", error_type!=""}
            unless last_over_time(pipelineops_store_append_duration_seconds_count{pipeline="orders", error_type!=""}[10m] offset 10m)
          or increase(pipelineops_store_append_duration_seconds_count{pipeline="orders", error_type!=""}[10m])) > 0
        ```

        ### Do retries hide a sick dependency?

        ```promql
        # The share of good calls that needed a retry, of stages with at least 20.
        sum by (pipeline, stage) (increase(pipelineops_calls_total{pipeline="orders", outcome="succeeded_after_retry"}[15m]))
          / (sum by (pipeline, stage) (increase(pipelineops_calls_total{pipeline="orders", outcome=~"succeeded.*"}[15m])) >= 20)

        # The load that retries make of a call: 1 if there are none.
        sum by (pipeline, stage) (increase(pipelineops_attempts_total{pipeline="orders"}[15m]))
          / (sum by (pipeline, stage) (increase(pipelineops_calls_total{pipeline="orders"}[15m])) >= 20)

        # What is retried.
        sum by (pipeline, stage, category) (increase(pipelineops_retries_total{pipeline="orders"}[15m])) > 0

        # Calls that retrying did not save, and retries that the budget refused.
        sum by (pipeline, stage) (increase(pipelineops_retries_exhausted_total{pipeline="orders"}[15m])) > 0

        sum by (pipeline, stage) (increase(pipelineops_retries_denied_total{pipeline="orders"}[15m])) > 0

        # Circuits that opened at least three times in an hour.
        sum by (pipeline, stage) (increase(pipelineops_circuit_transitions_total{pipeline="orders", to="open"}[1h])) >= 3
        ```

        ### Is any record lost or set aside?

        ```promql
        # Records by where they ended, other than well.
        sum by (pipeline, stage, disposition) (increase(pipelineops_records_total{pipeline="orders", disposition!~"succeeded|filtered"}[1h])) > 0

        # The share of records that were set aside, of stages with at least 100.
        sum by (pipeline, stage) (increase(pipelineops_records_total{pipeline="orders", disposition=~"quarantined|dead_lettered|parked|failed_unknown"}[1h]))
          / (sum by (pipeline, stage) (increase(pipelineops_records_total{pipeline="orders", disposition!="returned"}[1h])) >= 100)

        # Records of which nobody knows whether they were processed.
        sum by (pipeline, stage) (increase(pipelineops_records_total{pipeline="orders", disposition="failed_unknown"}[1h])) > 0

        # Failures that were kept, by what their errors mean.
        sum by (pipeline, stage, category) (increase(pipelineops_failures_stored_total{pipeline="orders"}[1h])) > 0

        # Records that have begun and not ended in a process in which none has ended for an hour.
        min_over_time(pipelineops_records_active{pipeline="orders"}[1h]) > 0 and pipelineops_records_active{pipeline="orders"} offset 1h > 0
          unless sum without (disposition) (increase(pipelineops_records_total{pipeline="orders"}[1h])) > 0

        # Runs that failed or were abandoned within a day, also of a process that was there for one run only.
        sum by (pipeline, status) (increase(pipelineops_runs_total{pipeline="orders", status=~"failed|abandoned"}[1d])) > 0
          or sum by (pipeline, status) (last_over_time(pipelineops_runs_total{pipeline="orders", status=~"failed|abandoned"}[1d])
            unless last_over_time(pipelineops_runs_total{pipeline="orders", status=~"failed|abandoned"}[1d] offset 1d)) > 0
        ```

        `returned` is not lost: the record is still its source's. What is set aside is in the failure store, and comes back by a redrive; see [records](records.md).

        """;

    private const string Exemplars =
        """
        ## Exemplars

        A call's duration is recorded while its span is the current one. With exemplars turned on in the SDK's set-up, as by `SetExemplarFilter(ExemplarFilterType.TraceBased)`,
        points of the histograms of calls carry the ids of sampled traces, and lead from a slow bucket to a slow call. That is what to use for ids: no tag ever has one. What is
        only read when it is asked for, which is every counter and gauge of a stage, has no exemplars.

        """;

    private const string Parts =
        """
        ## Over a queue

        The producer writes the current trace, its baggage and the run's id into the headers of its message, of any `IDictionary<string, object?>`:

        <!-- snippet: inject -->
        ```csharp
        var headers = new Dictionary<string, object?>();
        TraceHeaders.Inject(headers);
        await queue.Writer.WriteAsync(new Message("o-1", DateTimeOffset.UtcNow, headers), ct);
        ```

        The consumer's stage is told where its records come from. Values may be strings, or bytes as brokers deliver them:

        <!-- snippet: extract -->
        ```csharp
        options.Telemetry.DescribeOrigin<Message>(message =>
            TraceHeaders.Extract(message.Headers) with { Key = message.Id, EventTime = message.SentAt });
        ```

        Its `Key` is also that of the record's failure, unless `Recovery.Describe` tells one.

        A record's trace goes on in the call that processes it; where the caller has a span already, that is the parent, and the producer's is linked. A batch is linked to the
        producers of all its records, up to `MaxLinks`. The calls of the search for a batch's bad records are in the trace of the call that failed. A redrive is a new trace
        that is linked to the original. The description is asked only while somebody listens, or for a line of the log that is written, and then several times for a record: keep
        it cheap. Headers that cannot be read are ignored and counted in `pipelineops.propagation.malformed`; nothing in them fails a call.

        ## Runs

        Spans, scopes of log lines, failure records and headers made within a run carry its id. `run.Fail(error)` says that it failed; a run that is
        disposed without an end, as by an exception, is abandoned. Dispose of it in any case: until then it is measured as active, and its id is the current one.

        <!-- snippet: run -->
        ```csharp
        await using (PipelineRun run = pipeline.BeginRun())
        {
            foreach (string order in orders)
            {
                await load.ExecuteAsync(static (order, ct) => InsertAsync(order, ct), order, ct);
                run.AddRead(1, bytes: order.Length);
                run.AddProcessed(1);
            }

            run.Complete();
        }
        ```

        `ProcessAllAsync` belongs to the current run, or is one of its own, and counts its records by itself. `run.GetReport()` has the figures, with the processor time and
        the memory that the process spent meanwhile. A run's id is never in a tag of a metric: find the run by its pipeline and time, and its records by its id.

        ## Queues

        `ProcessAllAsync` observes the channel that it reads, as the queue `load.in` of the stage `load` (or `RunOptions.QueueName`), if it can count: one made with `SingleReader`
        that has no bound cannot. The age of its oldest record is known if `DescribeOrigin` tells an `EventTime`. Observe others by a channel or a function; a further argument tells their age:

        <!-- snippet: queue -->
        ```csharp
        using IDisposable observation = pipeline.ObserveQueue("orders.in", channel.Reader);
        using IDisposable other = pipeline.ObserveQueue("orders.out", () => orders.Length);
        ```

        The function runs on the collecting thread: read a number, and do no work. If it throws, that is logged once, and the queue is not measured until it works again. A queue's
        name is a tag, so there must be few. A queue that several processes share is counted by each of them: ask for `max` instead of `sum`.

        ## Cost, and how to be rid of it

        | While | A call costs |
        |---|---|
        | nobody listens | a check, about a nanosecond; no clock is read for it |
        | somebody listens to the meter | its counts, in memory of the processor's own, and its durations; failures, retries and changes of circuits are counted always |
        | somebody listens to the source, and samples | its span with its attributes, links and events |
        | `LogScopes` is on | some hundred nanoseconds and an allocation |

        A program that never listens can be rid of the check too; if it is trimmed, on .NET 9 or later, also of the code behind it. Its stages then measure and trace no calls; logs do
        not depend on this:

        ```xml
        <ItemGroup>
          <RuntimeHostConfigurationOption Include="PipelineOps.Telemetry.IsSupported" Value="false" Trim="true" />
        </ItemGroup>
        ```

        """;

    /// <summary>The options' rows: what each option is called, what it is by default, what it means.</summary>
    public static IReadOnlyList<(string Name, string Default, string Meaning)> Options { get; } = DescribeOptions();

    // After the options, which it has a table of.
    public static string Text { get; } = Write();

    private static (string Name, string Default, string Meaning)[] DescribeOptions()
    {
        var options = new TelemetryOptions();
        Assert.Null(options.RedactDetail);
        return
        [
            (nameof(options.AttemptSpans), $"`{options.AttemptSpans}`", "when attempts are spans of their own; also `Always`, `Never`"),
            (nameof(options.MaxLinks), Number(options.MaxLinks), "to how many producers of its records a batch's span is linked"),
            (nameof(options.LogScopes), Flag(options.LogScopes), "whether what handlers log is in a scope with the run, the stage and the record's key"),
            (nameof(options.LogBurst), Number(options.LogBurst), "how many lines of one kind are written in each window; the rest is counted"),
            (nameof(options.LogWindow), Invariant($"{options.LogWindow.TotalSeconds} s"), "that window"),
            (nameof(options.LogDetails), Flag(options.LogDetails), "whether the line of a kept record has the beginning of its payload and its exception's data"),
            (nameof(options.RedactDetail), "none", "says what of such a detail is written"),
        ];
    }

    private static string Write()
    {
        var page = new StringBuilder();
        Append(SetUp);
        Append("Options, all of `stage.Telemetry`, read once when the stage is built:\n");
        Table(["Option", "Default", "Meaning"], Options.Select(static option => new[] { $"`{option.Name}`", option.Default, option.Meaning }));
        Append(Questions);

        Append("## Instruments\n");
        Append("Counters only grow. The values of an up-down counter of several processes make a sum; those of a gauge do not, but for `pipelineops.circuit.state`, whose sum counts processes.\nA histogram's series end with `_bucket`, `_sum` and `_count`. A tag in parentheses is left out at times.\n");
        Table(["Instrument", "Prometheus", "Kind, unit", "Tags", "Meaning"], TelemetryCatalog.Instruments.Select(static i => new[]
        {
            $"`{i.Name}`", $"`{PrometheusNames.Of(i)}`", i.Unit is null ? Kind(i.Kind) : $"{Kind(i.Kind)}, `{i.Unit}`", Names(i.Tags), Meaning(i.Description),
        }));
        Table(["Tag", "Prometheus", "Meaning", "Values"], TelemetryCatalog.Instruments.SelectMany(static i => i.Tags).DistinctBy(static tag => tag.Name + tag.Meaning).Select(static tag => new[]
        {
            $"`{tag.Name}`", $"`{PrometheusNames.LabelOf(tag)}`", tag.Meaning, Values(tag),
        }));
        Append("Buckets that an SDK uses unless a view says otherwise:\n");
        Table(["Histograms", "Bounds"], TelemetryCatalog.Instruments.Where(static i => i.Buckets.Count > 0).GroupBy(static i => string.Join(", ", i.Buckets.Select(static bound => bound.ToString(CultureInfo.InvariantCulture)))).Select(static same => new[]
        {
            string.Join(", ", same.Select(static i => $"`{i.Name}`")), same.Key,
        }));
        Append(Exemplars);

        Append("## Spans\n");
        Append("All are of kind Internal. Status and `error.type` are set only on failure: a call that succeeds after retries is no error.\n");
        Table(["Span", "Meaning", "Attributes"], TelemetryCatalog.Spans.Select(static span => new[] { $"`{span.Name}`", Meaning(span.Meaning), Names(span.Attributes) }));
        Table(["Attribute", "Meaning", "Of"], TelemetryCatalog.Spans
            .SelectMany(static span => span.Attributes.Select(attribute => (attribute.Name, attribute.Meaning, Values: Values(attribute), Span: span.Name)))
            .GroupBy(static attribute => (attribute.Name, attribute.Meaning, attribute.Values))
            .Select(static same => new[]
            {
                $"`{same.Key.Name}`",
                same.Key.Values.Length == 0 ? same.Key.Meaning : $"{same.Key.Meaning}: {same.Key.Values}",
                same.Count() == TelemetryCatalog.Spans.Count ? "all" : string.Join(", ", same.Select(static attribute => $"`{attribute.Span}`")),
            }));
        Table(["Event", "Of", "Meaning"], TelemetryCatalog.Spans
            .SelectMany(static span => span.Events.Select(happened => new[] { $"`{happened.Name}`", $"`{span.Name}`", Meaning(happened.Meaning) })));

        Append("## Log events\n");
        Append("Of the category `PipelineOps`. \"By severity\" is the severity of the error: Low is Information, Medium is Warning, High is Error, Critical is Critical.\n");
        Table(["Id", "Event", "Level", "Meaning"], TelemetryCatalog.LogEvents.Select(static logged => new[] { Number(logged.Id), $"`{logged.Name}`", logged.Level, logged.Meaning }));
        Append(Parts);
        return page.ToString().TrimEnd('\n') + "\n";

        void Append(string text) => page.Append(text.ReplaceLineEndings("\n")).Append('\n');

        void Table(string[] header, IEnumerable<string[]> rows)
        {
            AppendRow(header);
            page.Append('|').AppendJoin('|', header.Select(static _ => "---")).Append("|\n");
            foreach (string[] row in rows)
                AppendRow(row);
            page.Append('\n');
        }

        void AppendRow(string[] cells) => page.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }

    private static string Kind(InstrumentKind kind) => kind == InstrumentKind.UpDownCounter ? "up-down counter" : kind.ToString().ToLowerInvariant();

    private static string Names(IEnumerable<TagDescription> tags) => string.Join(", ", tags.Select(static tag => tag.IsOptional ? $"(`{tag.Name}`)" : $"`{tag.Name}`"));

    private static string Values(TagDescription tag) => string.Join(", ", tag.Values.Select(static value => $"`{value}`"));

    /// <summary>As all cells have it: a small letter first, and no full stop.</summary>
    private static string Meaning(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..].TrimEnd('.');

    private static string Number(int number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Flag(bool flag) => flag ? "true" : "false";
}
