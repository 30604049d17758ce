using System.Net;
using System.Net.Http.Headers;

namespace PipelineOps.Tests.Errors;

public sealed class HttpResponseClassificationTests
{
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public void A_response_is_required() =>
        Assert.Throws<ArgumentNullException>(() => HttpResponseClassification.Classify(null!));

    [Fact]
    public void Every_status_means_what_it_means_in_an_exception()
    {
        for (int status = 100; status < 1000; status++)
        {
            using var response = new HttpResponseMessage((HttpStatusCode)status);
            var exception = new HttpRequestException("failed", null, (HttpStatusCode)status);

            ErrorClassification? classification = HttpResponseClassification.Classify(response, _clock);

            Assert.Equal(status < 400, classification is null);
            Assert.Equal(ErrorClassifier.Default.Classify(exception), classification ?? ErrorClassification.Unknown);
        }
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public void A_throttled_response_says_for_how_long(int status)
    {
        using HttpResponseMessage response = Response(status, new(TimeSpan.FromSeconds(7)));

        Assert.Equal(ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(7) }, HttpResponseClassification.Classify(response, _clock));
    }

    [Fact]
    public void Unavailable_without_a_delay_is_transient()
    {
        using var response = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);

        Assert.Equal(ErrorClassification.Transient, HttpResponseClassification.Classify(response, _clock));
    }

    [Theory]
    [InlineData(90, 90)]
    [InlineData(0, 0)]
    [InlineData(-90, 0)]
    public void A_date_is_read_against_the_clock_and_is_never_in_the_past(int secondsFromNow, int retryAfter)
    {
        using HttpResponseMessage response = Response(503, new(_clock.GetUtcNow() + TimeSpan.FromSeconds(secondsFromNow)));

        Assert.Equal(
            ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(retryAfter) },
            HttpResponseClassification.Classify(response, _clock));
    }

    [Fact]
    public void Without_a_clock_a_date_is_read_against_the_system_clock()
    {
        using HttpResponseMessage response = Response(429, new(TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1)));

        Assert.InRange(HttpResponseClassification.Classify(response)!.Value.RetryAfter!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
    }

    [Fact]
    public void Another_failure_keeps_its_meaning_and_the_delay()
    {
        using HttpResponseMessage response = Response(413, new(TimeSpan.FromSeconds(7)));

        Assert.Equal(ErrorClassification.Resource with { RetryAfter = TimeSpan.FromSeconds(7) }, HttpResponseClassification.Classify(response, _clock));
    }

    [Theory]
    [InlineData("soon")]
    [InlineData("-3")]
    [InlineData("99999999999999999999")]
    public void An_unreadable_delay_counts_as_none(string value)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
        Assert.True(response.Headers.TryAddWithoutValidation("Retry-After", value));

        Assert.Equal(ErrorClassification.Transient, HttpResponseClassification.Classify(response, _clock));
    }

    [Fact]
    public void A_redirect_that_asks_to_wait_is_no_failure()
    {
        using HttpResponseMessage response = Response(301, new(TimeSpan.FromSeconds(7)));

        Assert.Null(HttpResponseClassification.Classify(response, _clock));
    }

    private static HttpResponseMessage Response(int status, RetryConditionHeaderValue retryAfter) =>
        new((HttpStatusCode)status) { Headers = { RetryAfter = retryAfter } };
}
