namespace ApiDocs.Reading;

/// <summary>Members that follow each other in a file and share a declaring type: what moves from stage to stage.</summary>
internal sealed record MemberGroup(string Type, IReadOnlyList<MemberRecord> Members);
