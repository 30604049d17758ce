using System.Diagnostics;
using System.Text;
using System.Text.Unicode;

namespace PipelineOps;

/// <summary>The headers of one message while propagators read them, and which of them turned out to be malformed.</summary>
internal sealed class ReceivedHeaders
{
    /// <summary>In characters of a text, or in bytes. No propagator writes more.</summary>
    private const int MaxLength = 8192;

    private const int Kinds = (int)PropagatedHeader.Headers + 1;

    /// <summary>As many headers as are kept room for between messages.</summary>
    private const int MaxSpareCapacity = 256;

    /// <summary>How a propagator asks, with headers of this type as the carrier.</summary>
    public static readonly DistributedContextPropagator.PropagatorGetterCallback Getter =
        static (object? carrier, string name, out string? value, out IEnumerable<string>? values) =>
        {
            values = null;
            value = ((ReceivedHeaders)carrier!).Find(name);
        };

    [ThreadStatic]
    private static ReceivedHeaders? _spare;

    // A copy, because an enumerable may be readable only once, and a propagator asks several times.
    private readonly List<KeyValuePair<string, object?>> _headers = [];
    private readonly string?[] _texts = new string?[Kinds];
    private readonly bool[] _malformed = new bool[Kinds];

    /// <summary>Takes an instance that is not in use, which <see cref="Release"/> gives back. Nested use gets one of its own.</summary>
    public static ReceivedHeaders Rent()
    {
        ReceivedHeaders received = _spare ?? new ReceivedHeaders();
        _spare = null;
        return received;
    }

    /// <summary>Counts what was malformed, each header once, and forgets the message.</summary>
    public void Release()
    {
        for (int i = 0; i < Kinds; i++)
        {
            if (_malformed[i])
                PropagationInstruments.CountMalformed((PropagatedHeader)i);
        }

        _headers.Clear();
        Array.Clear(_texts);
        Array.Clear(_malformed);
        if (_headers.Capacity <= MaxSpareCapacity)
            _spare = this;
    }

    public void Read<TValue>(IEnumerable<KeyValuePair<string, TValue>> headers)
        where TValue : class?
    {
        try
        {
            // Apart, because its own enumerator is no object.
            if (headers is Dictionary<string, TValue> dictionary)
            {
                foreach (KeyValuePair<string, TValue> header in dictionary)
                    _headers.Add(new(header.Key, header.Value));
            }
            else
            {
                foreach (KeyValuePair<string, TValue> header in headers)
                    _headers.Add(new(header.Key, header.Value));
            }
        }
        catch (Exception)
        {
            // What was read before might have been contradicted by what was not.
            _headers.Clear();
            Reject(PropagatedHeader.Headers);
        }
    }

    /// <summary>The text of the header of that name, in whatever case; <see langword="null"/> if there is none, or none that can be used.</summary>
    public string? Find(string name)
    {
        int found = -1;
        for (int i = 0; i < _headers.Count; i++)
        {
            if (!string.Equals(_headers[i].Key, name, StringComparison.OrdinalIgnoreCase))
                continue;

            if (found >= 0)
            {
                // One of them is stale, and nothing tells which.
                Reject(KindOf(name));
                return null;
            }

            found = i;
        }

        if (found < 0)
            return null;

        PropagatedHeader kind = KindOf(name);
        if (TextOf(_headers[found].Value) is not { } text)
        {
            Reject(kind);
            return null;
        }

        _texts[(int)kind] ??= text;
        return text;
    }

    /// <summary>The first text that was found of the kind, if any was asked for.</summary>
    public string? Found(PropagatedHeader kind) => _texts[(int)kind];

    public void Reject(PropagatedHeader kind) => _malformed[(int)kind] = true;

    private static string? TextOf(object? value) => value switch
    {
        string text => text.Length <= MaxLength ? text : null,
        byte[] bytes => TextOf(bytes.AsSpan()),
        ReadOnlyMemory<byte> bytes => TextOf(bytes.Span),
        _ => null,
    };

    private static string? TextOf(ReadOnlySpan<byte> bytes) => bytes.Length <= MaxLength && Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;

    private static PropagatedHeader KindOf(string name)
    {
        // Also the names that propagators wrote before there was a standard.
        if (Is(name, W3CHeaders.TraceParent) || Is(name, "Request-Id"))
            return PropagatedHeader.TraceParent;
        if (Is(name, W3CHeaders.TraceState))
            return PropagatedHeader.TraceState;
        if (Is(name, W3CHeaders.Baggage) || Is(name, "Correlation-Context"))
            return PropagatedHeader.Baggage;
        return Is(name, TraceHeaders.RunId) ? PropagatedHeader.RunId : PropagatedHeader.Headers;
    }

    private static bool Is(string name, string other) => string.Equals(name, other, StringComparison.OrdinalIgnoreCase);
}
