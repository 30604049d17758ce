using System.Diagnostics;
using System.Globalization;

namespace ApiDocs.Telemetry;

/// <summary>Traces as text, a line for each span and each event.</summary>
internal static class TraceTree
{
    /// <summary>The lines of all traces that tell of a record.</summary>
    public static IEnumerable<string> Lines(RecordTrail trail) => trail.Traces().SelectMany(spans => Lines(trail, spans));

    private static List<string> Lines(RecordTrail trail, IReadOnlyList<Activity> spans)
    {
        List<string> lines = [];
        HashSet<ActivitySpanId> known = [.. spans.Select(static span => span.SpanId)];
        Activity root = spans.First(RecordTrail.IsRoot);
        lines.Add($"{Line(trail, root)}  (trace {root.TraceId})");
        AddChildren(root, string.Empty);
        return lines;

        void AddChildren(Activity parent, string indent)
        {
            // What is below a call for other records, which is left out, can be the span in which this one is kept with them.
            IEnumerable<Activity> children = spans.Where(span =>
                span.ParentSpanId == parent.SpanId || (parent == root && span != root && !known.Contains(span.ParentSpanId) && trail.FailureIn(span) is not null));

            // Failures are told with their span, and a retry by the attempt that it leads to.
            (DateTime Time, string Line, Activity? Span)[] entries =
            [
                .. children.Select(span => (span.StartTimeUtc, Line(trail, span), (Activity?)span))
                    .Concat(parent.Events.Where(static happened => happened.Name is not ("failure" or "retry"))
                        .Select(happened => (happened.Timestamp.UtcDateTime, Line(happened, parent), (Activity?)null)))
                    .OrderBy(static entry => entry.Item1),
            ];
            for (int i = 0; i < entries.Length; i++)
            {
                bool isLast = i == entries.Length - 1;
                lines.Add($"{indent}{(isLast ? "└─ " : "├─ ")}{entries[i].Line}");
                if (entries[i].Span is { } span)
                    AddChildren(span, indent + (isLast ? "   " : "│  "));
            }
        }
    }

    private static string Line(RecordTrail trail, Activity span)
    {
        string name = span.OperationName.Split(' ') is [.., "attempt" or "keep"] words ? words[^1] : span.OperationName;
        string? subject = span.GetTagItem(IngestTracing.Type) is string type ? (type.Length > 0 ? type : "(no type)")
            : name == "keep" ? null
            : Text(span.GetTagItem("pipelineops.record.key")) ?? Count(span.GetTagItem("pipelineops.batch.size") ?? span.GetTagItem(IngestTracing.Members), "record");
        string number = name == "attempt" ? $" {Text(span.GetTagItem("pipelineops.attempt"))}" : string.Empty;
        string? delay = span.GetTagItem("pipelineops.delay") is double seconds ? $"after {Milliseconds(TimeSpan.FromSeconds(seconds))}" : null;
        string status = span.Status == ActivityStatusCode.Error ? $"error {Text(span.GetTagItem("error.type"))}".TrimEnd() : "ok";
        return string.Join("  ", new[] { $"{name}{number}", subject, delay, Milliseconds(span.Duration), status, Kept(trail, span) }.Where(static part => part is not null));
    }

    private static string Line(ActivityEvent happened, Activity span)
    {
        string tags = string.Join(' ', happened.Tags.Select(static tag => $"{tag.Key}={Text(tag.Value)}"));
        return $"event {happened.Name}  at {Milliseconds(happened.Timestamp.UtcDateTime - span.StartTimeUtc)}  {tags}".TrimEnd();
    }

    // What is kept: one failure, or that of this record among several.
    private static string? Kept(RecordTrail trail, Activity span) => trail.FailureIn(span) is { } failure
        ? $"{Count(span.GetTagItem("pipelineops.batch.size"), "failure")}; this record: {Failure(failure.Tags)}"
        : span.GetTagItem("pipelineops.failure.id") is not null ? Failure(span.TagObjects) : null;

    private static string Failure(IEnumerable<KeyValuePair<string, object?>> tags)
    {
        Dictionary<string, object?> values = tags.ToDictionary();
        return $"failure {values["pipelineops.failure.id"]} {values["pipelineops.disposition"]}";
    }

    private static string? Count(object? count, string what) => count is null ? null : $"{Text(count)} {what}{(count is 1 ? string.Empty : "s")}";

    private static string Milliseconds(TimeSpan time) =>
        time.TotalMilliseconds.ToString(time.TotalMilliseconds < 1 ? "0.000" : "0.0", CultureInfo.InvariantCulture) + " ms";

    private static string? Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;
}
