using System.Text.RegularExpressions;

namespace PipelineOps.Tests.Telemetry.Catalog;

/// <summary>
/// The name that an instrument gets in Prometheus, by the rules of the two kinds of software that give it: OpenTelemetry's exporter for .NET, and the translator in
/// Prometheus and in the OpenTelemetry Collector. For names that begin with a letter, and with the suffixes that both add by default.
/// </summary>
internal static partial class PrometheusNames
{
    private static readonly Dictionary<string, string> Units = new(StringComparer.Ordinal)
    {
        ["1"] = string.Empty,
        ["%"] = "percent",
        ["Hz"] = "hertz",
        ["By"] = "bytes",
        ["KiBy"] = "kibibytes",
        ["MiBy"] = "mebibytes",
        ["ns"] = "nanoseconds",
        ["us"] = "microseconds",
        ["ms"] = "milliseconds",
        ["s"] = "seconds",
        ["min"] = "minutes",
        ["h"] = "hours",
        ["d"] = "days",
    };

    private static readonly Dictionary<string, string> Times = new(StringComparer.Ordinal) { ["s"] = "second", ["m"] = "minute", ["h"] = "hour", ["d"] = "day" };

    public static bool IsKnown(string unit) => Units.ContainsKey(unit);

    /// <summary>The name that both give. Fails the test if they do not agree.</summary>
    public static string Of(InstrumentDescription instrument)
    {
        string name = ByExporter(instrument.Name, instrument.Unit, instrument.Kind);
        Assert.Equal(name, ByTranslator(instrument.Name, instrument.Unit, instrument.Kind));
        return name;
    }

    /// <summary>The names of the series of an instrument.</summary>
    public static IEnumerable<string> SeriesOf(InstrumentDescription instrument)
    {
        string name = Of(instrument);
        return instrument.Kind == InstrumentKind.Histogram ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"] : [name];
    }

    public static string LabelOf(TagDescription tag) => NoNameCharacters().Replace(tag.Name, "_");

    /// <summary>
    /// The exporter for .NET: what is in braces is cut out of the unit; the unit is added unless the name ends with it, for a counter also before <c>_total</c>; a counter
    /// whose name does not end with <c>_total</c> gets that. Neither is looked for further inside.
    /// </summary>
    public static string ByExporter(string name, string? unit, InstrumentKind kind)
    {
        bool isCounter = kind == InstrumentKind.Counter;
        string metric = NoNameCharacters().Replace(name, "_");
        string suffix = ExportersUnit(Annotation().Replace(unit ?? string.Empty, string.Empty));
        bool hasUnit = metric.EndsWith(suffix, StringComparison.Ordinal) || (isCounter && metric.EndsWith($"{suffix}_total", StringComparison.Ordinal));
        if (!hasUnit)
            metric += $"_{suffix}";

        return isCounter && !metric.EndsWith("_total", StringComparison.Ordinal) ? $"{metric}_total" : metric;
    }

    /// <summary>
    /// The translator: the name is taken as words; a unit with braces counts for nothing; the unit is added unless it is one of the words; <c>total</c> of a counter, and
    /// <c>ratio</c> of a gauge of unit 1, go from wherever they are to the end.
    /// </summary>
    public static string ByTranslator(string name, string? unit, InstrumentKind kind)
    {
        List<string> words = [.. Word().Matches(name).Select(static word => word.Value)];
        string[] parts = (unit ?? string.Empty).Split('/', 2, StringSplitOptions.TrimEntries);
        AddUnlessThere(Translated(parts[0], Units));
        if (parts.Length > 1 && Translated(parts[1], Times) is { Length: > 0 } time)
            AddUnlessThere($"per_{time}");

        if (kind == InstrumentKind.Counter)
            MoveToTheEnd("total");
        if (kind == InstrumentKind.Gauge && unit == "1")
            MoveToTheEnd("ratio");

        return string.Join('_', words);

        void AddUnlessThere(string word)
        {
            if (word.Length > 0 && !words.Contains(word))
                words.Add(word);
        }

        void MoveToTheEnd(string word)
        {
            words.RemoveAll(other => other == word);
            words.Add(word);
        }
    }

    private static string ExportersUnit(string unit)
    {
        int slash = unit.IndexOf('/', StringComparison.Ordinal);
        string name = slash >= 0 && slash < unit.Length - 1
            ? $"{Units.GetValueOrDefault(unit[..slash], unit[..slash])}_per_{Times.GetValueOrDefault(unit[(slash + 1)..], unit[(slash + 1)..])}"
            : Units.GetValueOrDefault(unit, unit);
        return NoNameCharacters().Replace(name, "_").Trim('_');
    }

    private static string Translated(string unit, Dictionary<string, string> names) =>
        unit.AsSpan().ContainsAny('{', '}') ? string.Empty : NoNameCharacters().Replace(names.GetValueOrDefault(unit, unit), "_").Trim('_');

    // An underscore is one of those that runs of others become.
    [GeneratedRegex("[^a-zA-Z0-9:]+")]
    private static partial Regex NoNameCharacters();

    [GeneratedRegex("[a-zA-Z0-9:]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Annotation();
}
