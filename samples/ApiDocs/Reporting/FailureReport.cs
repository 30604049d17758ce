using System.Globalization;
using System.Text;
using PipelineOps;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>What the failure store holds, for people.</summary>
internal static class FailureReport
{
    public static Table Groups(IReadOnlyList<FailureGroup> groups, int maxMessage = int.MaxValue)
    {
        Table table = Tables.New("=Fingerprint", ">Count", ">Open", "First seen", "Last seen", "=Trend", "=Stage", "Category and error", "Last message");
        foreach (FailureGroup group in groups)
        {
            string message = Tables.OneLine(group.Message);
            table.AddRow(
                group.Fingerprint,
                Tables.Number(group.Count),
                Tables.Number(group.Open),
                Tables.Time(group.FirstSeen),
                Tables.Time(group.LastSeen),
                group.Trend.ToString(),
                group.Stage,
                $"{group.Category} {Markup.Escape(group.ErrorType.Split('.')[^1])}",
                Markup.Escape(message.Length > maxMessage ? $"{message[..(maxMessage - 1)]}…" : message));
        }

        return table;
    }

    /// <summary>One line.</summary>
    public static string Line(StoredFailure failure)
    {
        FailureRecord record = failure.Record;
        return string.Join(
            "  ",
            record.Id,
            Tables.Time(record.LastFailedAt),
            record.Stage,
            record.Disposition,
            failure.Status,
            record.Category,
            record.Fingerprint,
            record.RecordKey ?? "-",
            record.SourcePosition ?? "-",
            Tables.OneLine(record.Exceptions is [var outermost, ..] ? outermost.Message : string.Empty));
    }

    /// <summary>Everything.</summary>
    public static string Details(StoredFailure failure)
    {
        FailureRecord record = failure.Record;
        var text = new StringBuilder();
        Add("Id", record.Id);
        Add("Status", failure.LeaseExpiresAt is { } end ? $"{failure.Status} until {Tables.Time(end)}" : failure.Status);
        if (failure.Resolution is { } resolution)
            Add("Ended", $"{Tables.Time(resolution.Time)} by {resolution.Actor}{Because(resolution.Reason)}");
        if (failure.Decision is { } decision)
            Add("Decision", $"{decision.Kind} at {Tables.Time(decision.Time)} by {decision.Actor}{Because(decision.Reason)}");
        Add("Disposition", $"{record.Disposition} ({record.Reason})");
        Add("Category", $"{record.Category}, severity {record.Severity}, strategy {record.Strategy}");
        Add("Stage", $"{record.Pipeline}/{record.Stage}");
        Add("Record", record.RecordKey);
        Add("Position", record.SourcePosition);
        Add("Fingerprint", record.Fingerprint);
        Add("First failed", Tables.Time(record.FirstFailedAt));
        Add("Last failed", Tables.Time(record.LastFailedAt));
        Add("Redrives", record.RedriveCount);
        Add("Parent", record.ParentId);
        Add("Run", record.Run);
        Add("Process", $"{record.Process} on {record.Host}{(record.Version is { } version ? $", version {version}" : string.Empty)}");
        Add("Trace", record.TraceParent);
        foreach ((string name, string value) in record.Headers)
            Add("Header", $"{name}: {value}");
        Section("Causes", record.Exceptions.Select(static cause => $"{new string(' ', 2 * cause.Depth)}{cause.Type}: {cause.Message}"));
        Section("Attempts", record.Attempts.Select(Attempt));
        Section("Stack", record.Stack?.Split('\n').Select(static frame => frame.Trim()) ?? []);
        Section("Payload", record.Payload is { } payload ? Payload(payload) : []);
        return text.ToString();

        void Add(string name, object? value)
        {
            if (value is not null)
                text.AppendLine(CultureInfo.InvariantCulture, $"{name,-13} {value}");
        }

        void Section(string name, IEnumerable<string> lines)
        {
            foreach (string line in lines.Prepend(name))
                text.AppendLine(line == name ? $"{name}:" : $"  {line}");
        }
    }

    private static string Because(string? reason) => reason is null ? string.Empty : $": {reason}";

    private static string Attempt(FailureAttempt attempt)
    {
        string among = attempt.BatchSize > 1 ? $" (with {attempt.BatchSize} records)" : string.Empty;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{attempt.Number,2}  {attempt.Time.UtcDateTime:HH:mm:ss.fff}  after {attempt.Delay.TotalMilliseconds,4:0} ms  {attempt.ErrorType}{among}");
    }

    private static string[] Payload(FailurePayload payload)
    {
        string cut = payload.IsTruncated ? $", cut to {payload.Content.Length}" : string.Empty;
        string redacted = payload.IsRedacted ? ", redacted" : string.Empty;
        return
        [
            string.Create(CultureInfo.InvariantCulture, $"{payload.ContentType}, {payload.OriginalLength} bytes{cut}{redacted}"),
            payload.Error ?? Encoding.UTF8.GetString(payload.Content.Span),
        ];
    }
}
