using ApiDocs.Reading;

namespace ApiDocs.Validation;

/// <summary>What a record must have to be worth indexing.</summary>
public static class MemberValidator
{
    /// <returns>The first rule that the record breaks; <see langword="null"/> for a good record.</returns>
    public static Failure? Validate(MemberRecord record)
    {
        if (record.Type.Length == 0)
            return new Failure(IngestPipeline.Validate, "malformed name", $"'{record.Id}' is no documentation id");
        if (record.Summary.Length == 0)
            return new Failure(IngestPipeline.Validate, "no summary", "the summary is missing or empty");
        if (record.SilentParameters.Count > 0)
            return new Failure(IngestPipeline.Validate, "parameter without text", string.Join(", ", record.SilentParameters));
        if (record.References.FirstOrDefault(static reference => !DocumentationId.IsValid(reference)) is { } malformed)
            return new Failure(IngestPipeline.Validate, "malformed reference", malformed);
        return null;
    }
}
