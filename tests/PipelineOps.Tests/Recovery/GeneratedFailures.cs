using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Recovery;

/// <summary>Failures of every shape, and what it means that two are the same.</summary>
internal static class GeneratedFailures
{
    private static readonly Gen<char> Characters = Gen.Frequency(
        (6, Gen.Choose(' ', '~').Select(c => (char)c)),
        (2, Gen.Elements("\0\t\r\n\u0007\u001b\"\\/<>&'+äß€\u007f\u0085\u00a0\u2028\u2029\ufeff\uffff\u200b".ToCharArray())),
        (2, Gen.Choose(0xD800, 0xDFFF).Select(c => (char)c)));

    private static readonly Gen<string> Strings = Gen.ListOf(Characters).Select(list => string.Concat(list));

    private static readonly Gen<string> WellFormed = Strings.Select(WithoutHalves);

    private static readonly Gen<string?> Optional = Gen.OneOf(Gen.Constant<string?>(null), Strings.Select(s => (string?)s));

    private static readonly Gen<DateTimeOffset> Times =
        from ticks in Gen.Choose(0, int.MaxValue)
        from seconds in Gen.Choose(0, 2_000_000_000)
        from hours in Gen.Choose(-14, 14)
        select new DateTimeOffset(DateTime.UnixEpoch.AddSeconds(seconds).AddTicks(ticks % 10_000_000)).ToOffset(TimeSpan.FromHours(hours));

    private static readonly Gen<byte[]> Contents = Gen.OneOf(
        Gen.Constant(Array.Empty<byte>()),
        Strings.Select(Encoding.UTF8.GetBytes),
        Gen.ArrayOf(Gen.Choose(0, 255).Select(b => (byte)b)));

    private static readonly Gen<Guid> Ids = Gen.ArrayOf(Gen.Choose(0, 255).Select(b => (byte)b), 16).Select(b => new Guid(b));

    private static readonly Gen<FailurePayload?> Payloads =
        from isNull in Gen.Choose(0, 4)
        from content in Contents
        from contentType in Strings
        from schema in Optional
        from original in Gen.Choose(0, 100)
        from flags in Gen.Choose(0, 3)
        from error in Optional
        select isNull == 0
            ? null
            : new FailurePayload
            {
                Content = content,
                ContentType = contentType,
                SchemaVersion = schema,
                OriginalLength = original,
                IsTruncated = (flags & 1) != 0,
                IsRedacted = (flags & 2) != 0,
                Error = error,
            };

    private static readonly Gen<FailureCause> Causes =
        from type in Strings
        from message in Strings
        from depth in Gen.Choose(0, 30)
        select new FailureCause(type, message, depth);

    private static readonly Gen<FailureAttempt> Attempts =
        from number in Gen.Choose(1, 100)
        from time in Times
        from delay in Gen.Choose(0, int.MaxValue)
        from type in Strings
        from size in Gen.Choose(1, 1000)
        select new FailureAttempt(number, time, TimeSpan.FromTicks(delay * 1234L), type, size);

    private static readonly Gen<Dictionary<string, string>> Headers = Gen.ListOf(
        from key in WellFormed
        from value in Strings
        select (key, value)).Select(pairs => pairs.DistinctBy(p => p.key).ToDictionary(p => p.key, p => p.value));

    public static Arbitrary<FailureRecord> All { get; } = (
        from id in Ids
        from parent in Gen.OneOf(Gen.Constant<Guid?>(null), Ids.Select(g => (Guid?)g))
        from text in Gen.ArrayOf(Strings, 5)
        from optional in Gen.ArrayOf(Optional, 6)
        from kinds in Gen.ArrayOf(Gen.Choose(0, int.MaxValue), 6)
        from payload in Payloads
        from causes in Gen.ListOf(Causes)
        from attempts in Gen.ListOf(Attempts)
        from headers in Headers
        from first in Times
        from last in Times
        select new FailureRecord
        {
            Id = id,
            ParentId = parent,
            RedriveCount = kinds[0] % 10,
            Fingerprint = text[0],
            Pipeline = text[1],
            Stage = text[2],
            Run = optional[0],
            Disposition = OneOf<Disposition>(kinds[1]),
            Reason = OneOf<DispositionReason>(kinds[2]),
            Category = OneOf<ErrorCategory>(kinds[3]),
            Strategy = OneOf<RecoveryStrategy>(kinds[4]),
            Severity = OneOf<ErrorSeverity>(kinds[5]),
            Exceptions = [.. causes],
            Stack = optional[1],
            RecordKey = optional[2],
            SourcePosition = optional[3],
            Payload = payload,
            Headers = headers,
            Attempts = [.. attempts],
            FirstFailedAt = first,
            LastFailedAt = last,
            Host = text[3],
            Process = text[4],
            Version = optional[4],
            TraceParent = optional[5],
        }).ToArbitrary();

    /// <summary>Every field, in an order and a form that compares; no UTF-8 can hold the half of a surrogate pair.</summary>
    public static string Describe(FailureRecord failure)
    {
        FailurePayload? payload = failure.Payload;
        string?[] parts =
        [
            $"{failure.Id} {failure.ParentId} {failure.RedriveCount}",
            $"{failure.Disposition} {failure.Reason} {failure.Category} {failure.Strategy} {failure.Severity}",
            failure.Fingerprint, failure.Pipeline, failure.Stage, failure.Run, failure.Stack, failure.RecordKey, failure.SourcePosition,
            failure.Host, failure.Process, failure.Version, failure.TraceParent, $"{failure.FirstFailedAt.UtcTicks} {failure.LastFailedAt.UtcTicks}",
            .. failure.Exceptions.SelectMany(c => new[] { "cause", c.Type, c.Message, $"{c.Depth}" }),
            .. failure.Attempts.SelectMany(a => new[] { "attempt", $"{a.Number} {a.Time.UtcTicks} {a.Delay.Ticks} {a.BatchSize}", a.ErrorType }),
            .. failure.Headers.OrderBy(h => h.Key, StringComparer.Ordinal).SelectMany(h => new[] { "header", h.Key, h.Value }),
            payload is null ? null : $"{Convert.ToHexString(payload.Content.Span)} {payload.OriginalLength} {payload.IsTruncated} {payload.IsRedacted}",
            payload?.ContentType, payload?.SchemaVersion, payload?.Error,
        ];
        return string.Join('|', parts.Select(p => p is null ? "null" : $"<{WithoutHalves(p)}>"));
    }

    private static string WithoutHalves(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static T OneOf<T>(int number)
        where T : struct, Enum => Enum.GetValues<T>()[number % Enum.GetValues<T>().Length];
}
