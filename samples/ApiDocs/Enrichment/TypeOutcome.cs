namespace ApiDocs.Enrichment;

/// <summary>What became of asking for a type; all its members share it.</summary>
internal sealed record TypeOutcome(Disposition Disposition, CatalogEntry? Entry = null, Failure? Failure = null);
