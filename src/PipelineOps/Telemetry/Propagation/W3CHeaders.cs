using System.Diagnostics;

namespace PipelineOps;

/// <summary>What W3C allows in headers, whichever propagator the program uses: one of its own may hand on whatever it finds, or refuse what is well-formed.</summary>
internal static class W3CHeaders
{
    public const string TraceParent = "traceparent";
    public const string TraceState = "tracestate";
    public const string Baggage = "baggage";

    private static readonly DistributedContextPropagator Propagator = DistributedContextPropagator.CreateDefaultPropagator();

    private static readonly DistributedContextPropagator.PropagatorGetterCallback GetTraceParent = Getter(TraceParent);
    private static readonly DistributedContextPropagator.PropagatorGetterCallback GetTraceState = Getter(TraceState);
    private static readonly DistributedContextPropagator.PropagatorGetterCallback GetBaggage = Getter(Baggage);

    public static bool IsTraceParent(string text)
    {
        Propagator.ExtractTraceIdAndState(text, GetTraceParent, out string? kept, out _);
        return kept is not null;
    }

    /// <summary>As much of the state, from its beginning, as is well-formed and not too long.</summary>
    public static string? KeptOfTraceState(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return null;

        Propagator.ExtractTraceIdAndState(text, GetTraceState, out _, out string? kept);
        return kept;
    }

    public static bool IsTraceState(string text) => (KeptOfTraceState(text)?.Length ?? 0) >= text.AsSpan().Trim(" \t,").Length;

    public static bool IsBaggage(string text) => (Propagator.ExtractBaggage(text, GetBaggage)?.Count() ?? 0) >= CountMembers(text);

    /// <summary>How many items a text of baggage is meant to have.</summary>
    public static int CountMembers(string text)
    {
        int count = 0;
        for (ReadOnlySpan<char> rest = text; !rest.IsEmpty;)
        {
            int comma = rest.IndexOf(',');
            ReadOnlySpan<char> member = comma < 0 ? rest : rest[..comma];
            if (!member.Trim(" \t").IsEmpty)
                count++;
            rest = comma < 0 ? default : rest[(comma + 1)..];
        }

        return count;
    }

    /// <summary>Of a carrier that is the text of a single header.</summary>
    private static DistributedContextPropagator.PropagatorGetterCallback Getter(string header) =>
        (object? carrier, string name, out string? value, out IEnumerable<string>? values) => (value, values) = (name == header ? (string?)carrier : null, null);
}
