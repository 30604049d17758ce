using System.Diagnostics;
using System.Text;

namespace PipelineOps;

/// <summary>
/// Carries a trace, its baggage and the run over a queue, in the headers of a message. The producer calls <see cref="Inject(IDictionary{string, object?})"/>,
/// and the consumer <see cref="Extract(IEnumerable{KeyValuePair{string, object?}}?)"/>. <see cref="DistributedContextPropagator.Current"/> says what the headers
/// of the trace look like: by default <c>traceparent</c>, <c>tracestate</c> and <c>baggage</c>, as W3C defines them.
/// </summary>
public static class TraceHeaders
{
    /// <summary>The header that carries the run's id, of 1 to 100 characters that are no control characters, nor all blank.</summary>
    public const string RunId = "pipelineops-run-id";

    private const int MaxRunIdLength = 100;

    private static readonly DistributedContextPropagator.PropagatorSetterCallback SetObject =
        static (carrier, name, value) => Replace((IDictionary<string, object?>)carrier!, name, value);

    private static readonly DistributedContextPropagator.PropagatorSetterCallback SetString =
        static (carrier, name, value) => Replace((IDictionary<string, string>)carrier!, name, value);

    // Explicit, so that the counter is there, at zero, from the first use on.
    static TraceHeaders() => PropagationInstruments.Publish();

    /// <summary>Writes the trace context and the baggage of <see cref="Activity.Current"/>, and the id of the current run.</summary>
    /// <param name="headers">
    /// Where to, as strings. What it has of an older context goes, also under names that differ in case only, so that a message can be forwarded with its
    /// headers. Without a current activity the headers of the trace stay as they are, and without a current run that of the run.
    /// </param>
    /// <remarks>
    /// The id of a run that no <see cref="RunId"/> header can carry is not written. What a propagator of the program's own throws is counted by
    /// <c>pipelineops.propagation.malformed</c>, and the message goes without its context.
    /// </remarks>
    /// <exception cref="NotSupportedException"><paramref name="headers"/> is read-only.</exception>
    public static void Inject(IDictionary<string, object?> headers) => Inject(headers, Activity.Current, SetObject);

    /// <summary>Writes the trace context and the baggage of <paramref name="activity"/>, and the id of the current run.</summary>
    /// <param name="headers">Where to, as in <see cref="Inject(IDictionary{string, object?})"/>.</param>
    /// <param name="activity"><see langword="null"/> for none: only the run's id is written then.</param>
    /// <exception cref="NotSupportedException"><paramref name="headers"/> is read-only.</exception>
    public static void Inject(IDictionary<string, object?> headers, Activity? activity) => Inject(headers, activity, SetObject);

    /// <inheritdoc cref="Inject(IDictionary{string, object?})"/>
    public static void Inject(IDictionary<string, string> headers) => Inject(headers, Activity.Current, SetString);

    /// <inheritdoc cref="Inject(IDictionary{string, object?}, Activity?)"/>
    public static void Inject(IDictionary<string, string> headers, Activity? activity) => Inject(headers, activity, SetString);

    /// <summary>
    /// Reads what <see cref="Inject(IDictionary{string, object?})"/> wrote. A malformed header is taken as missing, and counted by
    /// <c>pipelineops.propagation.malformed</c>; nothing in the headers makes this throw.
    /// </summary>
    /// <param name="headers">
    /// The headers, whose names match in whatever case. A value is a string, or UTF-8 in a byte array or a <see cref="ReadOnlyMemory{T}"/> of bytes, of at
    /// most 8,192 characters or bytes. Anything else, and a header that occurs twice, is malformed. <see langword="null"/> for none.
    /// </param>
    /// <returns>
    /// The origin without <see cref="RecordOrigin.Key"/> and <see cref="RecordOrigin.EventTime"/>, which are added as in
    /// <c>TraceHeaders.Extract(m.Headers) with { Key = m.Id, EventTime = m.Time }</c>.
    /// </returns>
    public static RecordOrigin Extract(IEnumerable<KeyValuePair<string, object?>>? headers) => Extract<object?>(headers);

    /// <inheritdoc cref="Extract(IEnumerable{KeyValuePair{string, object?}}?)"/>
    /// <param name="headers">
    /// The headers, whose names match in whatever case, for example <see cref="FailureRecord.Headers"/>. A value of more than 8,192 characters, and a header
    /// that occurs twice, is malformed. <see langword="null"/> for none.
    /// </param>
    public static RecordOrigin Extract(IEnumerable<KeyValuePair<string, string>>? headers) => Extract<string>(headers);

    private static void Inject<TValue>(IDictionary<string, TValue> headers, Activity? activity, DistributedContextPropagator.PropagatorSetterCallback set)
    {
        ArgumentNullException.ThrowIfNull(headers);

        if (activity is not null)
        {
            DistributedContextPropagator propagator = DistributedContextPropagator.Current;
            if (headers.Count > 0)
                Remove(headers, [W3CHeaders.TraceParent, W3CHeaders.TraceState, W3CHeaders.Baggage, .. FieldsOf(propagator)]);

            try
            {
                propagator.Inject(activity, headers, set);
            }
            catch (Exception exception) when (exception is not NotSupportedException)
            {
                // A propagator is user code: a message is worth more than its context. What is not supported is writing to headers that are read-only.
                PropagationInstruments.CountMalformed(PropagatedHeader.Headers);
            }
        }

        if (AmbientRun.Id is { } run)
            set(headers, RunId, run);
    }

    private static IEnumerable<string> FieldsOf(DistributedContextPropagator propagator)
    {
        try
        {
            return [.. propagator.Fields];
        }
        catch (Exception)
        {
            // User code. It is not known then what else there is of an older context.
            return [];
        }
    }

    private static void Replace<TValue>(IDictionary<string, TValue> headers, string name, TValue value)
    {
        Remove(headers, name);
        headers[name] = value;
    }

    private static void Remove<TValue>(IDictionary<string, TValue> headers, params ReadOnlySpan<string> names)
    {
        List<string>? found = null;
        foreach (string key in headers.Keys)
        {
            foreach (string name in names)
            {
                if (!string.Equals(key, name, StringComparison.OrdinalIgnoreCase))
                    continue;

                (found ??= []).Add(key);
                break;
            }
        }

        if (found is null)
            return;

        foreach (string key in found)
            headers.Remove(key);
    }

    private static RecordOrigin Extract<TValue>(IEnumerable<KeyValuePair<string, TValue>>? headers)
        where TValue : class?
    {
        if (headers is null)
            return default;

        ReceivedHeaders received = ReceivedHeaders.Rent();
        try
        {
            received.Read(headers);
            DistributedContextPropagator propagator = DistributedContextPropagator.Current;
            return new RecordOrigin
            {
                TraceContext = ExtractTraceContext(received, propagator),
                Baggage = ExtractBaggage(received, propagator),
                RunId = ExtractRunId(received),
            };
        }
        finally
        {
            received.Release();
        }
    }

    private static ActivityContext ExtractTraceContext(ReceivedHeaders received, DistributedContextPropagator propagator)
    {
        try
        {
            propagator.ExtractTraceIdAndState(received, ReceivedHeaders.Getter, out string? traceParent, out string? traceState);
            bool isParsed = ActivityContext.TryParse(traceParent, W3CHeaders.KeptOfTraceState(traceState), isRemote: true, out ActivityContext context);
            if (!isParsed && (traceParent ?? received.Found(PropagatedHeader.TraceParent)) is { } parent && !W3CHeaders.IsTraceParent(parent))
                received.Reject(PropagatedHeader.TraceParent);
            if ((received.Found(PropagatedHeader.TraceState) ?? traceState) is { } state && !W3CHeaders.IsTraceState(state))
                received.Reject(PropagatedHeader.TraceState);

            return isParsed ? context : default;
        }
        catch (Exception)
        {
            received.Reject(PropagatedHeader.Headers);
            return default;
        }
    }

    private static List<KeyValuePair<string, string?>>? ExtractBaggage(ReceivedHeaders received, DistributedContextPropagator propagator)
    {
        try
        {
            List<KeyValuePair<string, string?>>? baggage = null;
            foreach (KeyValuePair<string, string?> item in propagator.ExtractBaggage(received, ReceivedHeaders.Getter) ?? [])
            {
                if (!string.IsNullOrEmpty(item.Key))
                    (baggage ??= []).Add(item);
            }

            // Fewer items than there were may also be what a propagator of the program's own lets through.
            if (received.Found(PropagatedHeader.Baggage) is { } text && (baggage?.Count ?? 0) < W3CHeaders.CountMembers(text) && !W3CHeaders.IsBaggage(text))
                received.Reject(PropagatedHeader.Baggage);

            return baggage;
        }
        catch (Exception)
        {
            received.Reject(PropagatedHeader.Headers);
            return null;
        }
    }

    private static string? ExtractRunId(ReceivedHeaders received)
    {
        if (received.Find(RunId) is not { } run)
            return null;

        if (IsRunId(run))
            return run;

        received.Reject(PropagatedHeader.RunId);
        return null;
    }

    /// <summary>Whether a header can carry the id of a run.</summary>
    internal static bool IsRunId(string text)
    {
        if (text.Length > MaxRunIdLength || string.IsNullOrWhiteSpace(text))
            return false;

        for (ReadOnlySpan<char> rest = text; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out Rune rune, out int length) != System.Buffers.OperationStatus.Done || Rune.IsControl(rune))
                return false;

            rest = rest[length..];
        }

        return true;
    }
}
