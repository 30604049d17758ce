using System.Text.RegularExpressions;

namespace PipelineOps.Tests.Telemetry.Catalog;

public sealed partial class TelemetryPageTests
{
    private const string Update = "UPDATE_TELEMETRY_PAGE=1 dotnet test tests/PipelineOps.Tests -f net10.0 --filter TelemetryPageTests";

    private static readonly string Page = Path.Combine(Repository.Root, "docs", "telemetry.md");

    private static readonly Dictionary<string, InstrumentDescription> Series = TelemetryCatalog.Instruments
        .SelectMany(static instrument => PrometheusNames.SeriesOf(instrument).Select(name => (name, instrument)))
        .ToDictionary(static series => series.name, static series => series.instrument, StringComparer.Ordinal);

    [Fact]
    public void The_page_is_what_the_catalogue_says()
    {
        if (Environment.GetEnvironmentVariable("UPDATE_TELEMETRY_PAGE") == "1")
            File.WriteAllText(Page, TelemetryPage.Text);

        Assert.True(File.Exists(Page), $"docs/telemetry.md is missing. To write it: {Update}");
        Assert.True(File.ReadAllText(Page).ReplaceLineEndings("\n") == TelemetryPage.Text, $"docs/telemetry.md is not what the catalogue says. To write it: {Update}");
    }

    [Fact]
    public void Every_option_is_on_the_page()
    {
        Assert.Equal(
            typeof(TelemetryOptions).GetProperties().Select(static property => property.Name).Order(StringComparer.Ordinal),
            TelemetryPage.Options.Select(static option => option.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_metric_in_a_query_exists_and_has_the_labels_and_values_that_are_asked_for()
    {
        Match[] selectors = [.. Queries().SelectMany(static query => Selector().Matches(query))];
        Assert.NotEmpty(selectors);
        Assert.Empty(selectors.SelectMany(static selector => Problems(selector.Groups["name"].Value, selector.Groups["matchers"].Value)));
    }

    [Fact]
    public void A_query_groups_and_joins_by_labels_of_its_metrics()
    {
        List<string> problems = [];
        foreach (string query in Queries())
        {
            string[] known =
            [
                .. Selector().Matches(query).Select(static selector => selector.Groups["name"].Value).Where(Series.ContainsKey)
                    .SelectMany(static name => Series[name].Tags.Select(PrometheusNames.LabelOf)),
                .. query.Contains("_bucket", StringComparison.Ordinal) ? ["le"] : Array.Empty<string>(),
            ];
            problems.AddRange(Grouping().Matches(query).SelectMany(static grouping => grouping.Groups["labels"].Value.Split(',', StringSplitOptions.TrimEntries))
                .Except(known).Select(label => $"{label} in {query}"));
        }

        Assert.Empty(problems);
    }

    [Fact]
    public void A_share_and_a_percentile_are_told_only_of_enough()
    {
        Assert.DoesNotContain(
            Queries().Where(static query => query.Contains("histogram_quantile", StringComparison.Ordinal)
                || (query.Contains("/ (", StringComparison.Ordinal) && (query.Contains("increase", StringComparison.Ordinal) || query.Contains("rate", StringComparison.Ordinal)))),
            static query => !Guard().IsMatch(query));
    }

    [Theory]
    [InlineData("pipelineops_calls", "", "pipelineops_calls does not exist.")]
    [InlineData("pipelineops_stage_duration_seconds", "", "pipelineops_stage_duration_seconds does not exist.")]
    [InlineData("pipelineops_calls_total", "category=\"unknown\"", "pipelineops_calls_total has no label category.")]
    [InlineData("pipelineops_calls_total", "pipeline=\"orders\", outcome=~\"fail\"", "pipelineops_calls_total has no outcome that matches fail.")]
    public void What_a_query_may_not_ask_for_is_found(string name, string matchers, string problem)
    {
        Assert.Equal([problem], Problems(name, matchers));
    }

    private static IEnumerable<string> Problems(string name, string matchers)
    {
        if (!Series.TryGetValue(name, out InstrumentDescription? instrument))
        {
            yield return $"{name} does not exist.";
            yield break;
        }

        foreach (Match matcher in Matcher().Matches(matchers))
        {
            (string label, string value) = (matcher.Groups["label"].Value, matcher.Groups["value"].Value);
            if (instrument.Tags.FirstOrDefault(tag => PrometheusNames.LabelOf(tag) == label) is not { } tag)
                yield return $"{name} has no label {label}.";
            else if (tag.Values.Count > 0 && value.Split('|').FirstOrDefault(pattern => !tag.Values.Any(known => Regex.IsMatch(known, $"^(?:{pattern})$"))) is { } unknown)
                yield return $"{name} has no {label} that matches {unknown}.";
        }
    }

    /// <summary>The queries of the page; an empty line is between two.</summary>
    private static IEnumerable<string> Queries() => Block().Matches(TelemetryPage.Text)
        .SelectMany(static block => block.Groups["queries"].Value.Split("\n\n"))
        .Select(static query => string.Join('\n', query.Split('\n').Where(static line => !line.StartsWith('#'))).Trim());

    [GeneratedRegex("^```promql\n(?<queries>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\b(?<name>pipelineops_\w+)(\{(?<matchers>[^}]*)\})?")]
    private static partial Regex Selector();

    [GeneratedRegex("(?<label>\\w+)\\s*(=~|!~|!=|=)\\s*\"(?<value>[^\"]*)\"")]
    private static partial Regex Matcher();

    [GeneratedRegex(@"\b(by|without|on)\s*\((?<labels>[^)]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@">= \d")]
    private static partial Regex Guard();
}
