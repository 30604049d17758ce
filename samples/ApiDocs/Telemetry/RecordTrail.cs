using System.Diagnostics;
using PipelineOps;

namespace ApiDocs.Telemetry;

/// <summary>
/// Collects the spans that tell of one record while a job runs. A job has some hundred thousand spans: those of other records are dropped at once, and whatever else is
/// in a trace when its root has ended and no span in it was for the record.
/// </summary>
internal sealed class RecordTrail : IDisposable
{
    private const string RecordKey = "pipelineops.record.key";

    private readonly Lock _lock = new();
    private readonly Dictionary<ActivityTraceId, Trace> _traces = [];
    private readonly ActivityListener _listener;
    private string? _similarKey;

    public RecordTrail(string key)
    {
        Key = key;
        _listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name is IngestTracing.SourceName or PipelineOpsTelemetry.ActivitySourceName,
            Sample = static (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = Add,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public string Key { get; }

    /// <summary>A record's key that has the wanted one in it, such as one with the parameters that somebody left out; <see langword="null"/> if there was none.</summary>
    public string? SimilarKey
    {
        get
        {
            lock (_lock)
                return _similarKey;
        }
    }

    /// <summary>The traces that tell of the record, as they followed each other, each with its spans in the order in which they began.</summary>
    public IReadOnlyList<IReadOnlyList<Activity>> Traces()
    {
        lock (_lock)
        {
            // With those that they are linked to from their roots: the reading of the file.
            HashSet<ActivityTraceId> wanted =
            [
                .. _traces.Where(static trace => trace.Value.IsWanted).SelectMany(static trace => trace.Value.Spans.Where(IsRoot)
                    .SelectMany(static root => root.Links).Select(static link => link.Context.TraceId).Append(trace.Key)),
            ];
            return
            [
                .. wanted.Where(_traces.ContainsKey).Select(id => _traces[id].Spans.OrderBy(static span => span.StartTimeUtc).ToArray())
                    .OrderBy(static spans => spans[0].StartTimeUtc),
            ];
        }
    }

    public void Dispose() => _listener.Dispose();

    public static bool IsRoot(Activity span) => span.ParentSpanId == default;

    /// <summary>The event of a span that keeps several failures which tells of the record.</summary>
    public ActivityEvent? FailureIn(Activity span) => span.Events.Where(HasKey).Cast<ActivityEvent?>().FirstOrDefault();

    private void Add(Activity span)
    {
        string? key = (string?)span.GetTagItem(RecordKey);
        bool? isOfRecord = key is not null ? key == Key
            : FailureIn(span) is not null ? true
            : IngestTracing.KeysOf(span)?.Contains(Key);
        bool isRoot = IsRoot(span);
        if (isOfRecord == false && !isRoot)
        {
            Compare(key);
            return;
        }

        lock (_lock)
        {
            if (!_traces.TryGetValue(span.TraceId, out Trace? trace))
                _traces.Add(span.TraceId, trace = new Trace());

            trace.Spans.Add(span);
            trace.IsWanted |= isOfRecord == true;

            // The few calls that read files stay: a group of a file may end before the reading does, or after.
            if (isRoot && !trace.IsWanted && span.GetTagItem("stage") is not IngestPipeline.Read)
                _traces.Remove(span.TraceId);
        }
    }

    private bool HasKey(ActivityEvent happened) => happened.Tags.Any(tag => tag.Key == RecordKey && tag.Value is string key && key == Key);

    private void Compare(string? key)
    {
        if (key is null || !key.Contains(Key, StringComparison.OrdinalIgnoreCase))
            return;

        lock (_lock)
        {
            // The nearest is the shortest one, and the same one in every run.
            if (_similarKey is null || (key.Length, key).CompareTo((_similarKey.Length, _similarKey)) < 0)
                _similarKey = key;
        }
    }

    private sealed class Trace
    {
        public List<Activity> Spans { get; } = [];

        public bool IsWanted { get; set; }
    }
}
