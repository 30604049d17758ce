using System.Diagnostics;
using System.Text.Json.Serialization;
using ApiDocs.Enrichment;
using ApiDocs.Reading;

namespace ApiDocs.Loading;

/// <summary>A line of the index.</summary>
internal sealed record IndexEntry(string File, int Place, string Id, string Type, string Summary, int Parameters, string Area, string Url)
{
    /// <summary>The span that made it, which the one that loads it is linked to.</summary>
    [JsonIgnore]
    public ActivityContext Producer { get; init; }

    public static IndexEntry Of(MemberRecord member, CatalogEntry type) =>
        new(member.File, member.Place, member.Id, member.Type, member.Summary, member.Parameters, type.Area, type.Url);
}
