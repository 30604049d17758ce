using System.Collections.Concurrent;
using System.Net.Http.Json;
using ApiDocs.Reporting;
using PipelineOps;

namespace ApiDocs.Enrichment;

/// <summary>Asks the catalog for types, each one once however many of its members and files ask.</summary>
internal sealed class CatalogClient(Uri address, StageStatistics stage) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<Task<TypeOutcome>>> _types = new();

    // No proxy: the service is on loopback, whatever the surroundings say.
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address };

    public Task<TypeOutcome> DescribeAsync(string type, CancellationToken cancellationToken) =>
        _types.GetOrAdd(type, key => new Lazy<Task<TypeOutcome>>(() => CallAsync(key, cancellationToken))).Value;

    public void Dispose() => _http.Dispose();

    private async Task<TypeOutcome> CallAsync(string type, CancellationToken cancellationToken)
    {
        StageResult<HttpResponseMessage> result = await stage.Stage.TryExecuteAsync(
            static (call, ct) => new ValueTask<HttpResponseMessage>(call._http.GetAsync(call.Path, ct)),
            (_http, Path: Uri.EscapeDataString(type)),
            cancellationToken);
        stage.Add(result);

        using HttpResponseMessage? response = result.Value;
        if (result.IsSuccess)
            return new TypeOutcome(Disposition.Succeeded, await response!.Content.ReadFromJsonAsync(CatalogJson.Default.CatalogEntry, CancellationToken.None));

        Failure failure = response is null
            ? Failure.Of(IngestPipeline.Enrich, result.Error!)
            : new Failure(IngestPipeline.Enrich, $"catalog: {(int)response.StatusCode}", $"{type} failed after {result.Attempts} attempts");
        return new TypeOutcome(result.Classification.ToDisposition(), Failure: failure);
    }
}
