using PipelineOps;

namespace ApiDocs.Tests;

public class FailuresOptionsTests
{
    private const string Id = "11111111-2222-8333-8444-555555555555";
    private static readonly DateTimeOffset Now = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("", "list, groups, show, redrive or discard")]
    [InlineData("lists", "list, groups, show, redrive or discard")]
    [InlineData("list --stage loads", "--stage", "read, validate, enrich or load", "loads")]
    [InlineData("list --stage", "--stage", "read, validate, enrich or load")]
    [InlineData("list --disposition Succeeded", "--disposition", "Quarantined, DeadLettered, Parked or FailedUnknown")]
    [InlineData("list --disposition 2", "--disposition", "Quarantined, DeadLettered, Parked or FailedUnknown")]
    [InlineData("list --category bad", "--category", "DataQuality", "Transient")]
    [InlineData("groups --status new", "--status", "Open, Claimed, Redriven or Discarded")]
    [InlineData("list --fingerprint xyz", "--fingerprint", "hexadecimal", "xyz")]
    [InlineData("list --since yesterday", "--since", "30m", "yesterday")]
    [InlineData("list --since 99999999999d", "--since", "30m")]
    [InlineData("list --limit 0", "--limit", "a whole number from 1")]
    [InlineData("redrive --max -1", "--max", "a whole number from 1")]
    [InlineData("redrive --rate fast", "--rate", "from 0.0001 to 1000000")]
    [InlineData("redrive --rate NaN", "--rate", "from 0.0001 to 1000000")]
    [InlineData("redrive --actor", "--actor", "a name")]
    [InlineData("discard", "--reason")]
    [InlineData("discard --reason", "--reason", "a text")]
    [InlineData("discard --reason --dry-run", "--reason", "a text")]
    [InlineData("show", "id")]
    [InlineData("show 17", "17", "id")]
    [InlineData("show one two", "one")]
    [InlineData("list --max 5", "--max", "failures list")]
    [InlineData("discard --max 5 --reason old", "--max", "failures discard")]
    [InlineData("list --verbose", "--verbose")]
    public void What_is_wrong_is_named_with_what_is_allowed(string args, params string[] named)
    {
        Assert.False(FailuresOptions.TryParse(args.Split(' ', StringSplitOptions.RemoveEmptyEntries), Now, out _, out string? problem));
        Assert.All(named, text => Assert.Contains(text, problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Help_is_no_problem()
    {
        Assert.False(FailuresOptions.TryParse(["redrive", "--help"], Now, out _, out string? problem));
        Assert.Null(problem);
    }

    [Fact]
    public void Every_part_of_a_filter_can_be_given()
    {
        FailuresOptions options = Parse(
            "list", "--out", "here", "--stage", "enrich", "--disposition", "dead-lettered", "--category", "dataquality", "--fingerprint", "8831", "--status", "open", "--limit", "3");

        Assert.Equal(("here", 3), (options.Output, options.Limit));
        Assert.Equal(
            new FailureFilter
            {
                Stage = "enrich",
                Disposition = Disposition.DeadLettered,
                Category = ErrorCategory.DataQuality,
                Fingerprint = "8831",
                Status = FailureStatus.Open,
            },
            options.Filter);
    }

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("30m", 30 * 60)]
    [InlineData("1.5h", 90 * 60)]
    [InlineData("7d", 7 * 86400)]
    [InlineData("2026-01-31T11:00Z", 3600)]
    [InlineData("2026-01-31T11:00+01:00", 7200)]
    [InlineData("2026-01-31", 12 * 3600)]
    public void A_time_is_one_or_counts_back_from_now(string since, int seconds) =>
        Assert.Equal(Now - TimeSpan.FromSeconds(seconds), Parse("groups", "--since", since).Filter.From);

    [Fact]
    public void A_redrive_takes_its_limits_and_its_actor()
    {
        FailuresOptions options = Parse("redrive", Id, "--dry-run", "--rate", "2.5", "--max", "10", "--actor", "me");

        Assert.Equal((Guid.Parse(Id), true, 2.5, 10, "me"), (options.Filter.Id, options.DryRun, options.Rate, options.Max, options.Actor));
    }

    [Fact]
    public void A_discard_says_why() => Assert.Equal("known", Parse("discard", "--reason", "known").Reason);

    private static FailuresOptions Parse(params string[] args)
    {
        Assert.True(FailuresOptions.TryParse(args, Now, out FailuresOptions options, out string? problem), problem);
        return options;
    }
}
