using System.Text.Json.Serialization;

namespace ApiDocs.Enrichment;

/// <summary>What the catalog knows of a type.</summary>
/// <param name="Area">The namespace's first part.</param>
/// <param name="Url">The type's page.</param>
internal sealed record CatalogEntry(string Area, string Url);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CatalogEntry))]
internal sealed partial class CatalogJson : JsonSerializerContext;
