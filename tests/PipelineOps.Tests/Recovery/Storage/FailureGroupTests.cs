namespace PipelineOps.Tests.Recovery.Storage;

public sealed class FailureGroupTests
{
    [Fact]
    public async Task An_empty_store_has_no_groups()
    {
        await using var test = new TestStore();
        Assert.Empty(await test.Store.GroupAsync(FailureFilter.All, TestStore.Token));
    }

    [Fact]
    public async Task A_hundred_thousand_failures_of_three_kinds_are_three_groups()
    {
        await using var test = new TestStore();
        DateTimeOffset start = test.Time.GetUtcNow();
        List<FailureRecord> failures =
        [
            .. from i in Enumerable.Range(0, 100_000)
               select TestStore.Failure(fingerprint: $"f{(i % 10) switch { < 6 => 1, < 9 => 2, _ => 3 }}", at: start.AddSeconds(i), text: $"failure {i}"),
        ];
        await test.Store.AppendAsync(failures, TestStore.Token);

        IReadOnlyList<FailureGroup> groups = await test.Store.GroupAsync(FailureFilter.All, TestStore.Token);

        Assert.Equal([("f1", 60_000), ("f2", 30_000), ("f3", 10_000)], groups.Select(group => (group.Fingerprint, group.Count)));
        Assert.Equal(
            new FailureGroup(
                "f3", "orders", "load", ErrorCategory.Transient, Disposition.DeadLettered, "System.IO.IOException", "failure 99999", 10_000, 10_000, start.AddSeconds(9), start.AddSeconds(99_999), FailureTrend.Steady),
            groups[2]);
    }

    [Fact]
    public async Task A_group_tells_of_its_last_failure_and_counts_what_is_open()
    {
        await using var test = new TestStore();
        DateTimeOffset start = test.Time.GetUtcNow();
        FailureRecord last = TestStore.Failure(at: start.AddHours(2), text: "the last", disposition: Disposition.Quarantined) with { Exceptions = [], FirstFailedAt = start.AddHours(-1) };
        await test.Append(last, TestStore.Failure(at: start), TestStore.Failure(at: start.AddHours(1)), TestStore.Failure("other", stage: "extract"));
        Guid[] ids = await test.Ids();
        await test.Store.ResolveAsync(ids[1], null, test.As(FailureStatus.Discarded), TestStore.Token);
        await test.Claim(filter: new FailureFilter { Id = ids[2] });

        FailureGroup group = Assert.Single(await test.Store.GroupAsync(new FailureFilter { Stage = "load" }, TestStore.Token));

        Assert.Equal(
            new FailureGroup("f1", "orders", "load", ErrorCategory.Transient, Disposition.Quarantined, "Transient", "", 3, 2, start.AddHours(-1), start.AddHours(2), FailureTrend.Steady), group);
    }

    [Theory]
    [InlineData(new[] { 0, 60, 70, 80, 90 }, FailureTrend.Rising)]
    [InlineData(new[] { 0, 10, 60, 70 }, FailureTrend.Steady)]
    [InlineData(new[] { 0, 10, 20, 60 }, FailureTrend.Falling)]
    [InlineData(new[] { 0, 10, 20, 30 }, FailureTrend.Falling)]
    [InlineData(new[] { 0, 10, 20, 60, 70 }, FailureTrend.Steady)]
    [InlineData(new[] { 100, 100, 100, 100 }, FailureTrend.Steady)]
    [InlineData(new[] { 0, 90, 91 }, FailureTrend.Steady)]
    public async Task The_trend_compares_the_halves_of_the_time_up_to_now(int[] minutes, FailureTrend expected)
    {
        await using var test = new TestStore();
        DateTimeOffset start = test.Time.GetUtcNow();
        await test.Append([.. minutes.Select(minute => TestStore.Failure(at: start.AddMinutes(minute)))]);
        test.Time.Advance(TimeSpan.FromMinutes(100));

        Assert.Equal(expected, Assert.Single(await test.Store.GroupAsync(FailureFilter.All, TestStore.Token)).Trend);
    }
}
