using ApiDocs.Reading;

namespace ApiDocs.Validation;

/// <summary>What a record must have to be worth indexing.</summary>
public static class MemberValidator
{
    /// <exception cref="FlawException">The first rule that the record breaks.</exception>
    public static void Validate(MemberRecord record)
    {
        if (record.Type.Length == 0)
            throw new MalformedNameException(record.Id);
        if (record.Summary.Length == 0)
            throw new NoSummaryException();
        if (record.SilentParameters.Count > 0)
            throw new SilentParameterException(record.SilentParameters);
        if (record.References.FirstOrDefault(static reference => !DocumentationId.IsValid(reference)) is { } malformed)
            throw new MalformedReferenceException(malformed);
    }
}
