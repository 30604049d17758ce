namespace ApiDocs.Reading;

/// <summary>The ids that compilers write: a kind, a colon and a path without blanks. <c>!:</c> marks what a compiler could not resolve.</summary>
internal static class DocumentationId
{
    public static bool IsValid(string id) =>
        id is ['T' or 'M' or 'P' or 'F' or 'E' or 'N', ':', _, ..] && !id.Any(char.IsWhiteSpace);
}
