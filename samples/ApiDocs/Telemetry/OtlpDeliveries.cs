namespace ApiDocs.Telemetry;

/// <summary>
/// Remembers what went wrong with requests, which the exporters keep to themselves, and gives up at the end on an endpoint that does not answer.
/// </summary>
internal sealed class OtlpDeliveries(TimeSpan longestAnswer) : IDisposable
{
    private readonly CancellationTokenSource _givenUp = new();
    private string? _problem;
    private bool _isEnding;

    /// <summary>What went wrong first; <see langword="null"/> if nothing did.</summary>
    public string? Problem => Volatile.Read(ref _problem);

    public HttpClient CreateClient(Uri endpoint, TimeSpan timeout) =>
        new(new Watch(this) { InnerHandler = new SocketsHttpHandler { UseProxy = !endpoint.IsLoopback } }) { Timeout = timeout };

    /// <summary>From now on an answer must come soon, and the first request that fails is the last one.</summary>
    public void End()
    {
        Volatile.Write(ref _isEnding, true);
        _givenUp.CancelAfter(longestAnswer);
    }

    public void Dispose() => _givenUp.Dispose();

    private void Succeeded()
    {
        // It is there: the next answer has as much time again.
        if (Volatile.Read(ref _isEnding) && !_givenUp.IsCancellationRequested)
            _givenUp.CancelAfter(longestAnswer);
    }

    private void Failed(string problem)
    {
        Interlocked.CompareExchange(ref _problem, problem, null);
        if (Volatile.Read(ref _isEnding))
            _givenUp.Cancel();
    }

    private sealed class Watch(OtlpDeliveries deliveries) : DelegatingHandler
    {
        // What exporters call. They are not asynchronous: each has a thread of its own.
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
            WatchAsync(token => Task.FromResult(base.Send(request, token)), cancellationToken).GetAwaiter().GetResult();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            WatchAsync(token => base.SendAsync(request, token), cancellationToken);

        private async Task<HttpResponseMessage> WatchAsync(Func<CancellationToken, Task<HttpResponseMessage>> sendAsync, CancellationToken cancellationToken)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deliveries._givenUp.Token);
            try
            {
                HttpResponseMessage response = await sendAsync(either.Token);
                if (response.IsSuccessStatusCode)
                    deliveries.Succeeded();
                else
                    deliveries.Failed($"it answers {(int)response.StatusCode}");
                return response;
            }
            catch (Exception exception)
            {
                deliveries.Failed(either.IsCancellationRequested ? "it does not answer" : exception.Message);
                throw;
            }
        }
    }
}
