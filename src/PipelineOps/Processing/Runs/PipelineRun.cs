namespace PipelineOps;

/// <summary>
/// One end-to-end execution of a pipeline over some data: gives failures, spans and log lines its id, and counts the records of the <c>ProcessAllAsync</c> calls that
/// belong to it. Begun by <see cref="Pipeline.BeginRun"/>, it is measured and logged. Safe for any number of threads.
/// </summary>
/// <remarks>
/// A run ends once: by <see cref="Complete"/>, by <see cref="Fail"/> or, abandoned, by <see cref="DisposeAsync"/>, whichever is first. What is added after that is still
/// counted, because nothing that was worked on may get lost, and is told by <see cref="GetReport"/>; the line in the log and <see cref="Duration"/> stay those of the end.
/// </remarks>
public sealed class PipelineRun : IAsyncDisposable
{
    private static readonly AsyncLocal<PipelineRun?> Ambient = new();

    private readonly PipelineTelemetry? _pipeline;
    private readonly TimeProvider _timeProvider;
    private readonly long _start;
    private readonly ProcessUsage _usageAtStart;
    private IDisposable? _entered;
    private RunEnd? _end;
    private long _read;
    private long _bytes;
    private long _processed;
    private long _failed;

    /// <summary>Begins a run that belongs to no pipeline, and is neither measured nor logged. For one that is, see <see cref="Pipeline.BeginRun"/>.</summary>
    /// <param name="id">Identifies it, in headers too: 1 to 100 characters that are no control characters, nor all blank; <see langword="null"/> for a new id.</param>
    /// <exception cref="ArgumentException">The id is not such a text.</exception>
    public PipelineRun(string? id = null)
        : this(id, pipeline: null)
    {
    }

    internal PipelineRun(string? id, PipelineTelemetry? pipeline)
    {
        if (id is not null && !TraceHeaders.IsRunId(id))
            throw new ArgumentException($"The id of a run must have 1 to 100 characters that are no control characters, nor all blank, so that headers and lines of a log can carry it, but has {id.Length}.", nameof(id));

        Id = id ?? Guid.NewGuid().ToString("N");
        _pipeline = pipeline;
        _timeProvider = pipeline?.TimeProvider ?? TimeProvider.System;
        StartedAt = _timeProvider.GetUtcNow();
        _start = _timeProvider.GetTimestamp();
        _usageAtStart = ProcessUsage.Read();
        pipeline?.RunBegan();
    }

    /// <summary>The run that the current flow of control works for: the innermost that was begun by a pipeline or entered by <see cref="Enter()"/>.</summary>
    public static PipelineRun? Current => Ambient.Value;

    /// <summary>Identifies the run in failures, spans and log lines.</summary>
    public string Id { get; }

    /// <summary>The name of the run's pipeline; <see langword="null"/> for a run that belongs to none.</summary>
    public string? Pipeline => _pipeline?.Name;

    /// <summary>How far the run is, or how it ended.</summary>
    public RunStatus Status => Volatile.Read(ref _end)?.Status ?? RunStatus.Running;

    /// <summary>When the run began, by the wall clock of its pipeline.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>How long the run takes so far or, once it has ended, took; by the monotonic clock of its pipeline.</summary>
    public TimeSpan Duration => Volatile.Read(ref _end)?.Duration ?? _timeProvider.GetElapsedTime(_start);

    /// <summary>What became of the records of the run's <c>ProcessAllAsync</c> calls.</summary>
    public RecordAccounting Accounting => Ledger.Read();

    internal RecordLedger Ledger { get; } = new();

    /// <summary>Makes this the <see cref="Current"/> run, for this flow of control and those that it starts; of a pipeline's run the log lines get the run's scope too.</summary>
    /// <returns>Disposing it, in the same flow of control, makes the run before the current one again.</returns>
    public IDisposable Enter() => Enter(_pipeline);

    /// <summary>Ends the run: it has done all that it was begun for. Does nothing if it has ended already.</summary>
    public void Complete() => End(RunStatus.Succeeded, error: null);

    /// <summary>Ends the run: it could not go on. Does nothing if it has ended already.</summary>
    /// <param name="error">Why; <see langword="null"/> if there is no exception to tell.</param>
    public void Fail(Exception? error = null) => End(RunStatus.Failed, error);

    /// <summary>Counts records that were taken on in another way than by <c>ProcessAllAsync</c>, which counts its own.</summary>
    /// <param name="records">How many records; at least 0.</param>
    /// <param name="bytes">How many bytes these were; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    public void AddRead(long records, long bytes = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(records);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Interlocked.Add(ref _read, records);
        Interlocked.Add(ref _bytes, bytes);
    }

    /// <summary>Counts records that were processed in another way than by <c>ProcessAllAsync</c>, which counts its own.</summary>
    /// <param name="records">How many records; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public void AddProcessed(long records)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(records);
        Interlocked.Add(ref _processed, records);
    }

    /// <summary>Counts records that failed in another way than by <c>ProcessAllAsync</c>, which counts its own.</summary>
    /// <param name="records">How many records; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public void AddFailed(long records)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(records);
        Interlocked.Add(ref _failed, records);
    }

    /// <summary>Reads the run's figures.</summary>
    public RunReport GetReport() => Report(Volatile.Read(ref _end));

    /// <summary>
    /// Ends the run, as abandoned unless it has ended already, and makes the run before the current one again. Call it in the flow of control that began the run; in
    /// another one it ends the run, and the flow that began it goes back to the run before when it disposes too, though without ending a scope of the log for the second time.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        // No async method: what it did to the flow of control would be undone when it returns.
        Abandon();
        if (Ambient.Value == this)
            _entered?.Dispose();

        return default;
    }

    /// <summary>Begins a run of a pipeline, and makes it the current one of the calling flow of control until it is disposed.</summary>
    internal static PipelineRun Begin(string? id, PipelineTelemetry pipeline)
    {
        var run = new PipelineRun(id, pipeline);
        run._entered = run.Enter();
        return run;
    }

    /// <summary>Makes this the current run, with a log scope of the pipeline unless the flow of control has the run's already.</summary>
    internal IDisposable Enter(PipelineTelemetry? pipeline)
    {
        PipelineRun? before = Ambient.Value;
        bool hasScope = before == this && _pipeline is not null;
        var scope = new Scope(this, before, hasScope ? null : pipeline?.Logs.BeginRunScope(Id));
        Ambient.Value = this;
        AmbientRun.Id = Id;
        return scope;
    }

    internal void Abandon() => End(RunStatus.Abandoned, error: null);

    private void End(RunStatus status, Exception? error)
    {
        if (Volatile.Read(ref _end) is not null)
            return;

        var end = new RunEnd(status, error, _timeProvider.GetElapsedTime(_start), ProcessUsage.Read().Since(_usageAtStart));
        if (Interlocked.CompareExchange(ref _end, end, null) is not null || _pipeline is null)
            return;

        _pipeline.RunEnded(status, end.Duration);
        RunReport report = Report(end);
        _pipeline.Logs.RunEnded(
            Id,
            status,
            report.Duration,
            report.RecordsRead,
            report.RecordsProcessed,
            report.RecordsFailed,
            report.Bytes,
            report.ProcessorTime,
            report.AllocatedBytes,
            error);
    }

    private RunReport Report(RunEnd? end)
    {
        ProcessUsage usage = end?.Usage ?? ProcessUsage.Read().Since(_usageAtStart);

        // Whoever counts a record as read first never sees more that ended than began.
        long processed = Interlocked.Read(ref _processed);
        long failed = Interlocked.Read(ref _failed);
        RecordAccounting accounting = Accounting;
        return new RunReport
        {
            RunId = Id,
            Pipeline = Pipeline,
            Status = end?.Status ?? RunStatus.Running,
            StartedAt = StartedAt,
            Duration = end?.Duration ?? _timeProvider.GetElapsedTime(_start),
            RecordsRead = Interlocked.Read(ref _read) + accounting.Read,
            RecordsProcessed = processed + accounting.Succeeded + accounting.Filtered,
            RecordsFailed = failed + accounting.Skipped,
            Bytes = Interlocked.Read(ref _bytes),
            ProcessorTime = usage.ProcessorTime,
            AllocatedBytes = usage.AllocatedBytes,
            Error = end?.Error,
        };
    }

    private sealed class Scope(PipelineRun run, PipelineRun? before, IDisposable? logScope) : IDisposable
    {
        private int _isOver;

        public void Dispose()
        {
            // A flow of control that was started within has the run as its current one too: if that one disposes first, there still is this one's to give back.
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
                logScope?.Dispose();
            else if (Ambient.Value != run)
                return;

            Ambient.Value = before;
            AmbientRun.Id = before?.Id;
        }
    }
}
