using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text.Unicode;

namespace PipelineOps;

/// <summary>What may be secret of a record that is kept: the beginning of its payload, and what its exceptions have with them. Only what the redaction leaves is told.</summary>
internal sealed class LogDetails(Func<string, string, string?>? redact, Action<string, Exception> failed)
{
    private const int MaxLength = 1_024;
    private const int MaxBase64Bytes = MaxLength / 4 * 3;
    private const int MaxItems = 32;
    private const int MaxExceptions = 32;

    public List<KeyValuePair<string, object?>> Of(in KeptRecord kept)
    {
        var details = new List<KeyValuePair<string, object?>>();
        if (!kept.Payload.IsEmpty)
            Add(details, "", "Payload", Text(kept.Payload.Span, kept.IsPayloadCut));

        if (kept.Error is not null)
            AddData(details, kept.Error);

        return details;
    }

    private void AddData(List<KeyValuePair<string, object?>> details, Exception error)
    {
        // An outer exception's item hides those of the same name further in, even if nothing of it is told.
        var names = new HashSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<Exception>(ReferenceEqualityComparer.Instance);
        var pending = new Stack<Exception>([error]);
        while (seen.Count < MaxExceptions && pending.TryPop(out Exception? next))
        {
            if (!seen.Add(next))
                continue;

            AddDataOf(next, details, names);
            if (next is AggregateException aggregate)
            {
                for (int i = Math.Min(aggregate.InnerExceptions.Count, MaxExceptions) - 1; i >= 0; i--)
                    pending.Push(aggregate.InnerExceptions[i]);
            }
            else if (next.InnerException is { } inner)
            {
                pending.Push(inner);
            }
        }
    }

    private void AddDataOf(Exception error, List<KeyValuePair<string, object?>> details, HashSet<string> names)
    {
        try
        {
            foreach (DictionaryEntry item in error.Data)
            {
                if (item is { Key: string name, Value: { } value } && names.Count < MaxItems && names.Add(name))
                    Add(details, "Data.", name, value);
            }
        }
        catch (Exception exception)
        {
            // User code: an exception may have its own idea of its data, and somebody may still be adding to it.
            failed("data of an exception", exception);
        }
    }

    private void Add(List<KeyValuePair<string, object?>> details, string prefix, string name, object value)
    {
        try
        {
            // Cut afterwards: the beginning of a secret is one that a pattern does not find.
            string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            if ((redact is null ? text : redact(name, text)) is { } redacted)
                details.Add(new(prefix + name, Cut(redacted)));
        }
        catch (Exception exception)
        {
            // User code: what it has not cleared is not told.
            failed("redaction of a logged detail", exception);
        }
    }

    private static string Text(ReadOnlySpan<byte> payload, bool isCut)
    {
        char[] text = ArrayPool<char>.Shared.Rent(payload.Length);
        try
        {
            OperationStatus status = Utf8.ToUtf16(payload, text, out _, out int written, replaceInvalidSequences: false, isFinalBlock: !isCut);
            return status == OperationStatus.InvalidData
                ? Convert.ToBase64String(payload[..Math.Min(payload.Length, MaxBase64Bytes)])
                : new string(text, 0, written);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(text);
        }
    }

    private static string Cut(string text) =>
        text.Length <= MaxLength ? text : text[..(char.IsHighSurrogate(text[MaxLength - 1]) ? MaxLength - 1 : MaxLength)];
}
