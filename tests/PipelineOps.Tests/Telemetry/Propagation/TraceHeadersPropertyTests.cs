using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Telemetry.Propagation;

/// <summary>Alone, because others replace the process's propagator.</summary>
[Collection(nameof(Alone))]
public sealed partial class TraceHeadersPropertyTests
{
    private static readonly Gen<string> Texts = Gen.Frequency(
        (5, Gen.Choose(' ', '~').Select(c => (char)c)),
        (4, Gen.Elements("=,;%-0af \t".ToCharArray())),
        (1, Gen.Choose(0, 0xFFFF).Select(c => (char)c))).ArrayOf().Select(c => new string(c));

    private static readonly Gen<string> Contexts =
        from trace in Gen.Choose(1, 255).ArrayOf(16)
        from span in Gen.Choose(1, 255).ArrayOf(8)
        from flags in Gen.Choose(0, 1)
        select $"00-{Hex(trace)}-{Hex(span)}-0{flags}";

    private static readonly Gen<string> NearMisses =
        from valid in Contexts
        from at in Gen.Choose(0, valid.Length - 1)
        from c in Gen.Elements("0123456789abcdefABCDEFg- ,\0ü\uD800".ToCharArray())
        from edit in Gen.Choose(0, 4)
        select edit switch
        {
            0 => valid[..at] + c + valid[(at + 1)..],
            1 => valid.Insert(at, c.ToString()),
            2 => valid.Remove(at, 1),
            3 => valid[..at],
            _ => $"{valid[..3]}{new string('0', 32)}{valid[35..]}",
        };

    private static readonly Gen<string> Names =
        from name in Gen.Elements("traceparent", "tracestate", "baggage", "Correlation-Context", "Request-Id", TraceHeaders.RunId)
        from isUpper in Gen.Choose(0, 1).ArrayOf(name.Length)
        select string.Concat(name.Select((c, i) => isUpper[i] == 1 ? char.ToUpperInvariant(c) : c));

    private static readonly Gen<object?> Values = Gen.OneOf(
        Texts.Select(text => (object?)text),
        Contexts.Select(text => (object?)text),
        NearMisses.Select(text => (object?)text),
        NearMisses.Select(text => (object?)Encoding.UTF8.GetBytes(text)),
        Gen.Elements<object?>("a=1", "a=1,b=2;p=3", "a=%E4", "a=1,,b", "night"),
        Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf().Select(bytes => (object?)bytes),
        Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf().Select(bytes => (object?)(ReadOnlyMemory<byte>)bytes),
        Gen.Elements<object?>(null, 0, -1L, 1.5, true, 'c', new List<object?> { "00", new List<object?>() }, new string('x', 9000), new byte[9000]));

    private static readonly Gen<KeyValuePair<string, object?>[]> Headers =
        Gen.OneOf(Names, Names, Texts).SelectMany(name => Values.Select(value => KeyValuePair.Create(name, value))).ArrayOf();

    [Fact]
    public void Whatever_the_headers_are_nothing_is_thrown_and_what_comes_out_is_valid()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3_000), Prop.ForAll(Headers.ToArbitrary(), static headers =>
        {
            IEnumerable<KeyValuePair<string, string>> texts = headers.Select(h => KeyValuePair.Create(h.Key, (h.Value as string)!));
            return IsValid(TraceHeaders.Extract(headers))
                && IsValid(TraceHeaders.Extract(headers.DistinctBy(h => h.Key).ToDictionary()))
                && IsValid(TraceHeaders.Extract(texts));
        }));
    }

    [Fact]
    public void A_valid_context_arrives_whatever_the_other_headers_are()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000), Prop.ForAll(Contexts.ToArbitrary(), Headers.ToArbitrary(), static (text, junk) =>
        {
            ActivityContext expected = ActivityContext.Parse(text, null);
            KeyValuePair<string, object?>[] others = [.. junk.Where(h => !h.Key.Equals("traceparent", StringComparison.OrdinalIgnoreCase))];
            return new object[] { text, Encoding.UTF8.GetBytes(text) }.All(value =>
            {
                ActivityContext actual = TraceHeaders.Extract([.. others, new("traceparent", value)]).TraceContext;
                return (actual.TraceId, actual.SpanId, actual.TraceFlags, actual.IsRemote) == (expected.TraceId, expected.SpanId, expected.TraceFlags, true);
            });
        }));
    }

    [Fact]
    public void A_near_miss_is_no_context_and_a_hit_is_the_one_that_it_says()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3_000), Prop.ForAll(NearMisses.ToArbitrary(), static text =>
        {
            ActivityContext context = TraceHeaders.Extract(new Dictionary<string, object?> { ["traceparent"] = text }).TraceContext;
            return (context != default || !text[..Math.Min(2, text.Length)].Contains('f')) && WellFormed().Match(text) is { Success: true } match
                ? (context.TraceId.ToHexString(), context.SpanId.ToHexString()) == (match.Groups[1].Value, match.Groups[2].Value)
                : context == default;
        }));
    }

    [Fact]
    public void Baggage_arrives_as_it_was()
    {
        Gen<string> values = Texts.Select(text => string.Concat(text.EnumerateRunes()).Trim(' ', '\t'));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000), Prop.ForAll(values.ArrayOf(3).ToArbitrary(), static values =>
        {
            using Activity activity = new Activity("produce").AddBaggage("a", values[0]).AddBaggage("b", values[1]).AddBaggage("c", values[2]).Start();
            Dictionary<string, object?> headers = [];
            TraceHeaders.Inject(headers);
            return TraceHeaders.Extract(headers).Baggage!.SequenceEqual([new("a", values[0]), new("b", values[1]), new("c", values[2])]);
        }));
    }

    private static bool IsValid(RecordOrigin origin) =>
        (origin.TraceContext == default
            || (origin.TraceContext.IsRemote && IsNotZero(origin.TraceContext.TraceId.ToHexString()) && IsNotZero(origin.TraceContext.SpanId.ToHexString())))
        && origin.Baggage is null or [_, ..]
        && origin.RunId is null or { Length: > 0 and <= 100 }
        && origin is { Key: null, EventTime: null };

    private static bool IsNotZero(string id) => id.AsSpan().ContainsAnyExcept('0');

    private static string Hex(int[] bytes) => string.Concat(bytes.Select(b => b.ToString("x2", null)));

    // Of later versions the propagator takes what is no longer than version 0 is, and it may refuse those with an f.
    [GeneratedRegex(@"\A[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}\z")]
    private static partial Regex WellFormed();
}
