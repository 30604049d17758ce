namespace ApiDocs.Reading;

/// <summary>What a documentation file says of one member.</summary>
/// <param name="File">The file's name.</param>
/// <param name="Place">How many members stand before it in the file.</param>
/// <param name="Id">The documentation id, such as <c>M:System.String.Concat(System.String,System.String)</c>.</param>
/// <param name="Type">The declaring type.</param>
/// <param name="Summary">The summary's text; empty when there is none.</param>
/// <param name="Parameters">How many parameters are described.</param>
/// <param name="SilentParameters">Those of them that have no text.</param>
/// <param name="References">What it refers to.</param>
public sealed record MemberRecord(
    string File,
    int Place,
    string Id,
    string Type,
    string Summary,
    int Parameters,
    IReadOnlyList<string> SilentParameters,
    IReadOnlyList<string> References);
