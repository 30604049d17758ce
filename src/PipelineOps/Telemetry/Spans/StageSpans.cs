using System.Diagnostics;

namespace PipelineOps;

/// <summary>The spans of one stage. A listener's fault never becomes a call's.</summary>
/// <remarks>
/// A span begins at the wall clock's time and, where the call is measured too or is tried again, ends as much later as the monotonic clock says: it is as long as the
/// measurement, and has its attempts within it.
/// </remarks>
internal sealed class StageSpans
{
    // As many as an OpenTelemetry SDK keeps of a span's events.
    private const int MaxFailureEvents = 128;

    private static readonly ActivitySource? Source = CreateSource();

    private readonly string _call;
    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly StageLogs _logs;
    private readonly RecordOrigins _origins;
    private readonly TimeProvider _timeProvider;
    private readonly bool _isSystemClock;
    private readonly double _timeSpanTicksPerTick;
    private readonly int _maxLinks;

    // Made by the first attempt that has a span.
    private string? _attempt;

    /// <param name="name">The stage's name with its pipeline's.</param>
    /// <param name="tags">The tags of every span.</param>
    /// <param name="logs">Told of listeners that throw.</param>
    /// <param name="origins">Where records come from.</param>
    /// <param name="timeProvider">The stage's clock.</param>
    /// <param name="options">What is traced.</param>
    public StageSpans(
        string name, KeyValuePair<string, object?>[] tags, StageLogs logs, RecordOrigins origins, TimeProvider timeProvider, TelemetryOptions options)
    {
        _call = name;
        _tags = tags;
        _logs = logs;
        _origins = origins;
        _timeProvider = timeProvider;
        _isSystemClock = ReferenceEquals(timeProvider, TimeProvider.System);
        _timeSpanTicksPerTick = (double)TimeSpan.TicksPerSecond / timeProvider.TimestampFrequency;
        _maxLinks = options.MaxLinks;
        Attempts = options.AttemptSpans;
    }

    /// <summary>Whether anybody wants spans.</summary>
    public static bool IsTracing => PipelineOpsTelemetry.IsSupported && Source is not null && Source.HasListeners();

    /// <summary>When attempts have spans.</summary>
    public AttemptSpans Attempts { get; }

    /// <summary>Makes a call's span, if somebody wants it, and changes nothing else: a call whose span nobody wants goes on as if nobody had been asked.</summary>
    /// <param name="subject">Looked at for its origin only: the default does where no origin is known, and spares a record that is a value its box.</param>
    public Activity? CreateCall(in CallSubject subject)
    {
        try
        {
            if (subject.Record is not null && !subject.IsBatch)
                return CreateCallOf(subject.Record);

            Activity? call = Source?.CreateActivity(_call, ActivityKind.Internal, default(ActivityContext), _tags);
            if (call is { IsAllDataRequested: true } && AmbientRun.Id is { } run)
                call.SetTag(SpanAttribute.RunId, run);

            return call;
        }
        catch (Exception exception)
        {
            ListenerFailed(exception);
            return null;
        }
    }

    /// <summary>Starts a call's span. The caller gives the execution context back that was there before.</summary>
    public void StartCall(Activity call, in CallSubject subject)
    {
        try
        {
            call.Start();
        }
        catch (Exception exception)
        {
            // It has begun all the same: listeners are told last.
            ListenerFailed(exception);
        }

        if (!_isSystemClock)
            call.SetStartTime(_timeProvider.GetUtcNow().UtcDateTime);

        if (subject.IsBatch && call.IsAllDataRequested)
            DescribeBatch(call, in subject);
    }

    /// <summary>What the stage's clock said when a span began.</summary>
    public long StartTimestampOf(Activity call)
    {
        TimeSpan elapsed = _timeProvider.GetUtcNow().UtcDateTime - call.StartTimeUtc;
        return _timeProvider.GetTimestamp() - (elapsed > TimeSpan.Zero ? (long)(elapsed.Ticks / _timeSpanTicksPerTick) : 0);
    }

    /// <summary>Ends the span of a call that succeeded, now.</summary>
    public void EndCall(Activity call, int attempts)
    {
        if (call.IsAllDataRequested)
            call.SetTag(SpanAttribute.Attempts, attempts);

        Stop(call);
    }

    /// <summary>Ends the span of a call that succeeded; times are in ticks of the stage's clock, from the call's beginning.</summary>
    public void EndCall(Activity call, int attempts, long elapsed)
    {
        if (call.IsAllDataRequested)
            call.SetTag(SpanAttribute.Attempts, attempts);

        End(call, call.StartTimeUtc + ToTimeSpan(elapsed));
    }

    /// <summary>Ends the span of a call that failed.</summary>
    public void EndCall(Activity call, int attempts, long elapsed, string errorType, Exception? error)
    {
        if (call.IsAllDataRequested)
            call.SetTag(SpanAttribute.Attempts, attempts);

        Fail(call, errorType, error);
        End(call, call.StartTimeUtc + ToTimeSpan(elapsed));
    }

    /// <summary>Starts an attempt's span, within its call's.</summary>
    public Activity? StartAttempt(Activity call, int number, TimeSpan delay, long elapsed)
    {
        // The call's child, and not only by its context: so its baggage goes on, whatever the delegate has left current.
        Activity? current = Activity.Current;
        Activity.Current = call;
        Activity? attempt = Start(_attempt ??= $"{_call} attempt", default, call.StartTimeUtc + ToTimeSpan(elapsed));
        if (!IsWithin(current, call))
            Activity.Current = current;

        if (attempt is { IsAllDataRequested: true })
        {
            attempt.SetTag(SpanAttribute.Attempt, number);
            if (number > 1)
                attempt.SetTag(SpanAttribute.Delay, delay.TotalSeconds);
        }

        return attempt;
    }

    public void EndAttempt(Activity call, Activity attempt, long elapsed)
    {
        End(attempt, call.StartTimeUtc + ToTimeSpan(elapsed));

        // A listener that throws leaves the attempt current, and what follows is the call's.
        if (Activity.Current == attempt)
            Activity.Current = call;
    }

    public void EndAttempt(Activity call, Activity attempt, long elapsed, in AttemptFailure failure)
    {
        Fail(attempt, failure.ErrorType, failure.Error);
        EndAttempt(call, attempt, elapsed);
    }

    public void RetryPlanned(Activity call, int attempt, in AttemptFailure failure, TimeSpan delay)
    {
        if (!call.IsAllDataRequested)
            return;

        call.AddEvent(new ActivityEvent("retry", _timeProvider.GetUtcNow(), new ActivityTagsCollection
        {
            ["attempt"] = attempt,
            ["category"] = failure.Classification.Category.ToTag(),
            [SpanAttribute.ErrorType] = failure.ErrorType,
            ["delay"] = delay.TotalSeconds,
        }));
    }

    public void CircuitRejected(Activity call, TimeSpan? retryAfter)
    {
        if (!call.IsAllDataRequested)
            return;

        ActivityTagsCollection tags = retryAfter is { } time ? new() { ["retry_after"] = time.TotalSeconds } : [];
        call.AddEvent(new ActivityEvent("circuit_rejected", _timeProvider.GetUtcNow(), tags));
    }

    /// <summary>A call waits, for what is said.</summary>
    public void Waits(Activity call, string reason)
    {
        if (call.IsAllDataRequested)
            call.AddEvent(new ActivityEvent("wait", _timeProvider.GetUtcNow(), new ActivityTagsCollection { ["for"] = reason }));
    }

    /// <summary>Starts the span of what is done about a batch whose call failed, so that the calls of a search are in one trace; a child of the call that failed.</summary>
    public Activity? StartRecovery(ActivityContext call, int records)
    {
        Activity? recovery = call == default ? null : Start($"{_call} recover", call, _timeProvider.GetUtcNow());
        if (recovery is { IsAllDataRequested: true })
            recovery.SetTag(SpanAttribute.BatchSize, records);

        return recovery;
    }

    /// <summary>Starts the span of failures that are put into the failure store, as a child of the call that failed.</summary>
    public Activity? StartKeep(ActivityContext call, int failures)
    {
        // Without its call's span, which somebody did not want, it would be a trace of its own.
        Activity? keep = call == default ? null : Start($"{_call} keep", call, _timeProvider.GetUtcNow());
        if (keep is { IsAllDataRequested: true } && failures > 1)
            keep.SetTag(SpanAttribute.BatchSize, failures);

        return keep;
    }

    /// <summary>Tells which failure is kept.</summary>
    public void DescribeKept(Activity keep, int place, int failures, Guid failureId, string? recordKey, Disposition disposition)
    {
        if (!keep.IsAllDataRequested || place >= MaxFailureEvents)
            return;

        if (failures == 1)
        {
            keep.SetTag(SpanAttribute.FailureId, failureId.ToString());
            if (recordKey is not null)
                keep.SetTag(SpanAttribute.RecordKey, recordKey);

            keep.SetTag(SpanAttribute.Disposition, disposition.ToTag());
            return;
        }

        ActivityTagsCollection tags = new() { [SpanAttribute.FailureId] = failureId.ToString(), [SpanAttribute.Disposition] = disposition.ToTag() };
        if (recordKey is not null)
            tags[SpanAttribute.RecordKey] = recordKey;

        keep.AddEvent(new ActivityEvent("failure", _timeProvider.GetUtcNow(), tags));
    }

    /// <summary>Starts the span of a failure that is processed again: the root of a trace of its own. Call it where the execution context is given back.</summary>
    public Activity? StartRedrive(Guid failureId, int redriveCount, string? recordKey, string? traceParent)
    {
        Activity? caller = Activity.Current;
        Activity.Current = null;
        Activity? redrive = Start($"{_call} redrive", default, _timeProvider.GetUtcNow());
        if (redrive is null)
        {
            Activity.Current = caller;
            return null;
        }

        if (redrive.IsAllDataRequested)
        {
            if (ActivityContext.TryParse(traceParent, traceState: null, isRemote: true, out ActivityContext original))
                redrive.AddLink(new ActivityLink(original));

            redrive.SetTag(SpanAttribute.FailureId, failureId.ToString());
            redrive.SetTag(SpanAttribute.RedriveCount, redriveCount);
            if (recordKey is not null)
                redrive.SetTag(SpanAttribute.RecordKey, recordKey);
        }

        return redrive;
    }

    /// <summary>Ends a span that is neither a call's nor an attempt's.</summary>
    public void End(Activity span, Exception? error)
    {
        if (error is not null)
            Fail(span, error.GetType().FullName!, error);

        End(span, _timeProvider.GetUtcNow().UtcDateTime);
    }

    private static ActivitySource? CreateSource()
    {
        try
        {
            return new ActivitySource(PipelineOpsTelemetry.ActivitySourceName, PipelineOpsTelemetry.Version ?? string.Empty);
        }
        catch (Exception)
        {
            // A listener's, which is asked at once whether it wants the source: thrown on, it would make every later call of the process fail.
            return null;
        }
    }

    private Activity? CreateCallOf(object record)
    {
        // The record's trace goes on, unless the caller has one, which is then linked to it.
        bool hasCaller = Activity.Current is not null;
        RecordOrigin origin = hasCaller ? default : _origins.Of(record);
        Activity? call = Source?.CreateActivity(_call, ActivityKind.Internal, origin.TraceContext, _tags);
        if (call is not null)
            Describe(call, hasCaller ? _origins.Of(record) : origin, hasCaller);

        return call;
    }

    private void Describe(Activity call, in RecordOrigin origin, bool hasCaller)
    {
        try
        {
            if (origin.Baggage is { } baggage)
            {
                foreach ((string name, string? value) in baggage)
                    call.AddBaggage(name, value);
            }
        }
        catch (Exception exception)
        {
            // The user's: baggage that cannot be read.
            DescriptionFailed(exception);
        }

        if (!call.IsAllDataRequested)
            return;

        if (origin.TraceContext != default && hasCaller && _maxLinks > 0)
            call.AddLink(new ActivityLink(origin.TraceContext));

        if ((origin.RunId ?? AmbientRun.Id) is { } run)
            call.SetTag(SpanAttribute.RunId, run);

        if (origin.Key is not null)
            call.SetTag(SpanAttribute.RecordKey, origin.Key);
    }

    private void DescribeBatch(Activity call, in CallSubject subject)
    {
        try
        {
            call.SetTag(SpanAttribute.BatchSize, subject.Count);
            if (!_origins.Any || _maxLinks == 0)
                return;

            HashSet<ActivityContext> linked = [];
            foreach (object? record in subject.Records)
            {
                ActivityContext producer = _origins.Of(record).TraceContext;
                if (producer == default || !linked.Add(producer))
                    continue;

                call.AddLink(new ActivityLink(producer));
                if (linked.Count == _maxLinks)
                    return;
            }
        }
        catch (Exception exception)
        {
            // The user's: a list of records that cannot be read.
            DescriptionFailed(exception);
        }
    }

    // Where a call's context does not flow it goes on in somebody else's, whose activity stays what it is.
    private static bool IsWithin(Activity? activity, Activity call)
    {
        while (activity is not null && activity != call)
            activity = activity.Parent;

        return activity is not null;
    }

    private Activity? Start(string name, ActivityContext parent, DateTimeOffset startTime)
    {
        if (!IsTracing)
            return null;

        Activity? caller = Activity.Current;
        try
        {
            return Source?.StartActivity(ActivityKind.Internal, parent, _tags, links: null, startTime, name);
        }
        catch (Exception exception)
        {
            // It is current before its listeners are told: it has begun all the same, and those that know of it are to see its end.
            ListenerFailed(exception);
            return Activity.Current is { } begun && begun != caller && begun.Source == Source ? begun : null;
        }
    }

    private static void Fail(Activity span, string errorType, Exception? error)
    {
        if (span.IsAllDataRequested)
            span.SetTag(SpanAttribute.ErrorType, errorType);

        span.SetStatus(ActivityStatusCode.Error, ErrorMessage.Of(error));
    }

    private void End(Activity span, DateTime endTime)
    {
        span.SetEndTime(endTime);
        Stop(span);
    }

    // Without an end time the span takes that of the system's clock.
    private void Stop(Activity span)
    {
        Activity? current = Activity.Current;
        try
        {
            if (!_isSystemClock && span.Duration == default)
                span.SetEndTime(_timeProvider.GetUtcNow().UtcDateTime);

            span.Stop();
        }
        catch (Exception exception)
        {
            ListenerFailed(exception);
        }

        // Where its context does not flow a call ends in somebody else's, whose activity stays what it was.
        if (current != span)
            Activity.Current = current;
    }

    private TimeSpan ToTimeSpan(long elapsed) => new((long)(elapsed * _timeSpanTicksPerTick));

    private void DescriptionFailed(Exception exception) => _logs.CallbackFailed("description of a call", exception);

    private void ListenerFailed(Exception exception) => _logs.CallbackFailed("activity listener", exception);
}
