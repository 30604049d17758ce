namespace PipelineOps;

/// <summary>Asks the user's code what identifies a record.</summary>
internal sealed class RecordDescriptions(IReadOnlyDictionary<Type, Func<object, RecordDescription>> descriptions, Action<string, Exception> callbackFailed)
{
    private static readonly RecordDescription Nothing = new();

    private readonly KeyValuePair<Type, Func<object, RecordDescription>>[] _descriptions = [.. descriptions];

    /// <summary>The description of a record, which belongs to the caller; an empty one if there is none. What is empty text is not known.</summary>
    public RecordDescription Of(object? record)
    {
        if (record is null || NearestType.Find(_descriptions, record.GetType()) is not { } describe)
            return Nothing;

        try
        {
            RecordDescription? description = describe(record);
            return description is null ? Nothing : description with
            {
                Key = Known(description.Key),
                Position = Known(description.Position),
                TraceParent = Known(description.TraceParent),
                Headers = Copy(description.Headers),
            };
        }
        catch (Exception exception)
        {
            callbackFailed("description of a record", exception);
            return Nothing;
        }
    }

    private static string? Known(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static Dictionary<string, string>? Copy(IReadOnlyDictionary<string, string>? headers)
    {
        if (headers is not { Count: > 0 })
            return null;

        var copy = new Dictionary<string, string>(headers.Count);

        // Clients of brokers do give null for a header without a value, whatever the type says.
        foreach ((string name, string? value) in headers)
            copy[name] = value ?? "";

        return copy;
    }
}
