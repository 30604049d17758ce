using ApiDocs.Enrichment;
using ApiDocs.Reading;

namespace ApiDocs;

/// <summary>A record that has come to its end, on its way to the file that keeps it.</summary>
/// <param name="Record">The record.</param>
/// <param name="Disposition">Where it ended.</param>
/// <param name="Entry">What the catalog knows of its type; only when it succeeded.</param>
/// <param name="Failure">Why it did not succeed.</param>
internal readonly record struct Outcome(MemberRecord Record, Disposition Disposition, CatalogEntry? Entry = null, Failure? Failure = null);
