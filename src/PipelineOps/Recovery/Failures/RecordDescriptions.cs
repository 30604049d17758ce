namespace PipelineOps;

/// <summary>Asks the user's code what identifies a record.</summary>
internal sealed class RecordDescriptions(IReadOnlyDictionary<Type, Func<object, RecordDescription>> descriptions, Action<string, Exception> callbackFailed)
{
    private static readonly RecordDescription Nothing = new();

    private readonly KeyValuePair<Type, Func<object, RecordDescription>>[] _descriptions = [.. descriptions];

    /// <summary>The description of a record, which belongs to the caller; an empty one if there is none. What is empty text is not known.</summary>
    public RecordDescription Of(object? record)
    {
        if (record is null || Find(record.GetType()) is not { } describe)
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

    /// <summary>That of the type itself, else of the nearest base class, else of an interface.</summary>
    private Func<object, RecordDescription>? Find(Type type)
    {
        Type? best = null;
        Func<object, RecordDescription>? found = null;
        foreach ((Type described, Func<object, RecordDescription> describe) in _descriptions)
        {
            if (described.IsAssignableFrom(type) && (best is null || IsNearer(described, best)))
                (best, found) = (described, describe);
        }

        return found;
    }

    private static bool IsNearer(Type described, Type best) =>
        Nearness(described) == Nearness(best) ? best.IsAssignableFrom(described) : Nearness(described) > Nearness(best);

    private static int Nearness(Type described) => described == typeof(object) ? 0 : described.IsInterface ? 1 : 2;

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
