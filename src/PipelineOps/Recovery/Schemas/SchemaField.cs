namespace PipelineOps;

/// <summary>One field of a <see cref="RecordSchema"/>.</summary>
/// <param name="Name">Its name; case matters.</param>
/// <param name="Type">Its type, in whatever words the source has for types: two fields have one type if the words are the same.</param>
/// <param name="IsRequired">Whether a record without it is incomplete. Matters in an expected schema only.</param>
public sealed record SchemaField(string Name, string Type, bool IsRequired = true);
