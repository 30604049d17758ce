using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>Loggers as a program sets them up, with the SDK's provider, whose exporter keeps what it is given.</summary>
internal sealed class CollectedLogs : IDisposable
{
    private readonly ConcurrentQueue<Line> _lines = new();

    public CollectedLogs() => Loggers = LoggerFactory.Create(builder => builder
        .SetMinimumLevel(LogLevel.Trace)
        .AddOpenTelemetry(options => options.AddProcessor(new SimpleLogRecordExportProcessor(new Exporter(_lines)))));

    public ILoggerFactory Loggers { get; }

    public IReadOnlyList<Line> All => [.. _lines];

    /// <summary>The lines of one event.</summary>
    public IReadOnlyList<Line> Of(string eventName) => [.. _lines.Where(line => line.Event == eventName)];

    public void Dispose() => Loggers.Dispose();

    internal sealed record Line(string? Event, ActivityTraceId TraceId, ActivitySpanId SpanId, IReadOnlyDictionary<string, string?> Attributes);

    private sealed class Exporter(ConcurrentQueue<Line> lines) : BaseExporter<LogRecord>
    {
        public override ExportResult Export(in Batch<LogRecord> batch)
        {
            foreach (LogRecord record in batch)
            {
                Dictionary<string, string?> attributes = record.Attributes?.ToDictionary(static a => a.Key, static a => a.Value?.ToString()) ?? [];
                lines.Enqueue(new(record.EventId.Name, record.TraceId, record.SpanId, attributes));
            }

            return ExportResult.Success;
        }
    }
}
