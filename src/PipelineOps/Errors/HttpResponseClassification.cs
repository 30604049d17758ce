using System.Net;

namespace PipelineOps;

/// <summary>Classifies an HTTP response that the delegate does not turn into an exception, with its <c>Retry-After</c> header.</summary>
public static class HttpResponseClassification
{
    /// <summary>Classifies a response by its status, as an <see cref="HttpRequestException"/> with the same status would be.</summary>
    /// <param name="response">The response.</param>
    /// <param name="timeProvider">The clock against which a <c>Retry-After</c> date is read; <see cref="TimeProvider.System"/> by default.</param>
    /// <returns>
    /// <see langword="null"/> for a status below 400. A <c>Retry-After</c> header (RFC 9110, section 10.2.3), in seconds or as a date,
    /// becomes <see cref="ErrorClassification.RetryAfter"/> and makes a 503 <see cref="ErrorCategory.Throttled"/>.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="response"/> is <see langword="null"/>.</exception>
    public static ErrorClassification? Classify(HttpResponseMessage response, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(response);
        if (DefaultErrorRules.OfHttpStatus(response.StatusCode) is not { } classification)
            return null;

        if (response.Headers.RetryAfter is not { } header)
            return classification;

        if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
            classification = ErrorClassification.Throttled;

        return classification with { RetryAfter = header.Delta ?? header.Date - (timeProvider ?? TimeProvider.System).GetUtcNow() };
    }
}
