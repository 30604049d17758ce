using System.Net;
using PipelineOps;

namespace ApiDocs.Enrichment;

/// <summary>The catalog does not answer for a type.</summary>
internal sealed class CatalogException(string type, HttpStatusCode status, ErrorClassification classification)
    : Exception($"The catalog answered {(int)status} for {type}.")
{
    /// <summary>What the answer means, with the time that it asks to be left alone for.</summary>
    public ErrorClassification Classification { get; } = classification;
}
