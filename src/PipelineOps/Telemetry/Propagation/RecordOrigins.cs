using System.Collections.Concurrent;

namespace PipelineOps;

/// <summary>Asks the user's code where a record comes from.</summary>
internal sealed class RecordOrigins(IReadOnlyDictionary<Type, Func<object, RecordOrigin>> described, StageLogs logs)
{
    private readonly KeyValuePair<Type, Func<object, RecordOrigin>>[] _described = [.. described];
    private readonly ConcurrentDictionary<Type, Func<object, RecordOrigin>?>? _byType = described.Count == 0 ? null : new();

    /// <summary>Whether the origin of any record is known.</summary>
    public bool Any => _described.Length > 0;

    /// <summary>Whether the origin of records of this type is known.</summary>
    public bool Knows(Type type) => Find(type) is not null;

    /// <summary>The record's origin; the default if it is not known.</summary>
    public RecordOrigin Of(object? record)
    {
        if (record is null || Find(record.GetType()) is not { } describe)
            return default;

        try
        {
            return describe(record);
        }
        catch (Exception exception)
        {
            // User code: whatever it throws is reported and otherwise ignored.
            logs.CallbackFailed("description of a record's origin", exception);
            return default;
        }
    }

    private Func<object, RecordOrigin>? Find(Type type) =>
        _byType?.GetOrAdd(type, static (type, described) => NearestType.Find(described, type), _described);
}
