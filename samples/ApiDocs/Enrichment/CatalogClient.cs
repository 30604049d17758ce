using System.Collections.Concurrent;
using System.Net.Http.Json;
using PipelineOps;

namespace ApiDocs.Enrichment;

/// <summary>Asks the catalog for types, and remembers its answers.</summary>
internal sealed class CatalogClient(Uri address) : IDisposable
{
    private readonly ConcurrentDictionary<string, CatalogEntry> _known = new();

    // No proxy: the service is on loopback, whatever the surroundings say.
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address };

    /// <exception cref="CatalogException">It does not answer for this type.</exception>
    public async ValueTask<CatalogEntry> DescribeAsync(string type, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(type, out CatalogEntry? known))
            return known;

        using HttpResponseMessage response = await _http.GetAsync(Uri.EscapeDataString(type), cancellationToken);
        if (HttpResponseClassification.Classify(response) is { } failure)
            throw new CatalogException(type, response.StatusCode, failure);

        return _known[type] = (await response.Content.ReadFromJsonAsync(CatalogJson.Default.CatalogEntry, cancellationToken))!;
    }

    public void Dispose() => _http.Dispose();
}
