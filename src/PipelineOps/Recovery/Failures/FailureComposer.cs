using System.Diagnostics;

namespace PipelineOps;

/// <summary>
/// Makes the failures of a stage: everything that is kept of a record which did not succeed. User code that throws meanwhile costs its own part only.
/// </summary>
internal sealed class FailureComposer(
    string pipeline,
    string stage,
    PayloadOptions payload,
    IReadOnlyDictionary<Type, Func<object, RecordDescription>> descriptions,
    Action<string, Exception> callbackFailed)
{
    private readonly PayloadComposer _payload = new(payload, callbackFailed);
    private readonly RecordDescriptions _descriptions = new(descriptions, callbackFailed);

    public FailureRecord Compose<T>(T record, in FailureDetails details)
    {
        FailureRecord? parent = details.Parent;
        RecordDescription description = _descriptions.Of(record);
        FailurePayload? whole = _payload.Compose(record, description, parent?.Payload);
        string? key = description.Key ?? details.Key ?? parent?.RecordKey;
        string? position = description.Position ?? parent?.SourcePosition;

        // Asked once: resolving it to files and lines takes half of the time that composing does.
        string? stack = FailureCauses.Stack(details.Error);
        IReadOnlyList<FailureCause> causes = FailureCauses.Of(details.Error);
        IReadOnlyList<FailureAttempt> attempts = details.Attempts ?? [];
        DateTimeOffset now = details.Now.ToUniversalTime();
        return new FailureRecord
        {
            Id = parent is not null
                ? FailureId.OfRedrive(parent)
                : FailureId.Of(pipeline, stage, key, position, description.Timestamp, whole is null ? default : whole.Content.Span, now),
            ParentId = parent?.Id,
            RedriveCount = parent is null ? 0 : parent.RedriveCount + 1,
            Fingerprint = details.Fingerprint ?? FailureFingerprint.Of(pipeline, stage, details.Classification.Category, details.Error, stack, causes),
            Pipeline = pipeline,
            Stage = stage,
            Run = details.Run,
            Disposition = details.Disposition,
            Reason = details.Reason,
            Category = details.Classification.Category,
            Strategy = details.Strategy,
            Severity = details.Severity,
            Exceptions = causes,
            Stack = stack,
            RecordKey = key,
            SourcePosition = position,
            Payload = whole is null ? null : _payload.Cut(whole),
            Headers = description.Headers ?? parent?.Headers ?? new Dictionary<string, string>(),
            Attempts = [.. parent?.Attempts ?? [], .. attempts],
            FirstFailedAt = parent?.FirstFailedAt ?? (attempts.Count > 0 ? attempts[0].Time.ToUniversalTime() : now),
            LastFailedAt = attempts.Count > 0 ? attempts[^1].Time.ToUniversalTime() : now,
            Host = FailureOrigin.Host,
            Process = FailureOrigin.Process,
            Version = FailureOrigin.Version,
            TraceParent = description.TraceParent ?? parent?.TraceParent ?? TraceParent(details.Span),
        };
    }

    // Without a span of the call that of its caller.
    private static string? TraceParent(ActivityContext span) =>
        span != default ? $"00-{span.TraceId}-{span.SpanId}-{(byte)span.TraceFlags:x2}"
        : Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id
        : null;
}
