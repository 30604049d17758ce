using ApiDocs.Enrichment;
using ApiDocs.Reading;

namespace ApiDocs.Loading;

/// <summary>A line of the index.</summary>
internal sealed record IndexEntry(string File, int Place, string Id, string Type, string Summary, int Parameters, string Area, string Url)
{
    public static IndexEntry Of(MemberRecord member, CatalogEntry type) =>
        new(member.File, member.Place, member.Id, member.Type, member.Summary, member.Parameters, type.Area, type.Url);
}
