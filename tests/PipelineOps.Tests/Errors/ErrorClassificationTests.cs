namespace PipelineOps.Tests.Errors;

public sealed class ErrorClassificationTests
{
    public static TheoryData<ErrorCategory> Categories => [.. Enum.GetValues<ErrorCategory>()];

    [Fact]
    public void A_category_without_a_name_has_no_defaults() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ErrorClassification.For((ErrorCategory)99));

    [Theory]
    [MemberData(nameof(Categories))]
    public void The_defaults_of_a_category_are_those_of_the_page(ErrorCategory category)
    {
        string[] row = Assert.Single(ErrorsPage.Table("Category"), row => row[0] == $"`{category}`");

        ErrorClassification defaults = ErrorClassification.For(category);

        Assert.Equal(
            [row[0], row[1], row[2], row[3], row[4]],
            [$"`{defaults.Category}`", $"`{defaults.Strategy}`", $"`{defaults.ThenStrategy}`", $"`{defaults.Severity}`", $"`{defaults.Circuit}`"]);
        Assert.Null(defaults.RetryAfter);
    }

    [Theory]
    [MemberData(nameof(Categories))]
    public void Only_strategies_that_try_again_are_retryable(ErrorCategory category) =>
        Assert.Equal(
            category is ErrorCategory.Transient or ErrorCategory.Throttled or ErrorCategory.Resource or ErrorCategory.Unknown,
            ErrorClassification.For(category).IsRetryable);

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(0, 0)]
    [InlineData(1, 10_000)]
    [InlineData(10_000, 10_000)]
    [InlineData(10_001, 20_000)]
    [InlineData(long.MaxValue, 2_000L * 365 * TimeSpan.TicksPerDay)]
    public void A_retry_after_is_kept_in_milliseconds_and_never_negative(long ticks, long kept) =>
        Assert.Equal(new TimeSpan(kept), (ErrorClassification.Throttled with { RetryAfter = new TimeSpan(ticks) }).RetryAfter);

    [Fact]
    public void A_retry_after_can_be_taken_back() =>
        Assert.Equal(ErrorClassification.Throttled, ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(1) } with { RetryAfter = null });

    [Fact]
    public void A_retry_after_of_zero_differs_from_none() =>
        Assert.NotEqual(ErrorClassification.Throttled, ErrorClassification.Throttled with { RetryAfter = TimeSpan.Zero });

    [Fact]
    public void A_new_classification_is_that_of_an_unknown_error() => Assert.Equal(ErrorClassification.Unknown, new ErrorClassification());

    [Fact]
    public void The_default_struct_knows_nothing_and_asks_for_no_delay()
    {
        ErrorClassification nothing = default;

        Assert.Equal(ErrorCategory.Unknown, nothing.Category);
        Assert.Null(nothing.RetryAfter);
        Assert.False(nothing.IsRetryable);
    }
}
