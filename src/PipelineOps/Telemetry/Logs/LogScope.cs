using System.Collections;

namespace PipelineOps;

/// <summary>What a line is about; providers that keep values read them one by one, others write the text.</summary>
internal sealed class LogScope : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly KeyValuePair<string, object?>[] _values;

    public LogScope(string pipeline, string stage, string? run = null, string? recordKey = null, IReadOnlyList<KeyValuePair<string, object?>>? details = null)
    {
        int count = 2;
        _values = new KeyValuePair<string, object?>[2 + (run is null ? 0 : 1) + (recordKey is null ? 0 : 1) + (details?.Count ?? 0)];
        _values[0] = new("Pipeline", pipeline);
        _values[1] = new("Stage", stage);
        if (run is not null)
            _values[count++] = new("Run", run);

        if (recordKey is not null)
            _values[count++] = new("RecordKey", recordKey);

        for (int i = 0; i < details?.Count; i++)
            _values[count++] = details[i];
    }

    public int Count => _values.Length;

    public KeyValuePair<string, object?> this[int index] => _values[index];

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => ((IEnumerable<KeyValuePair<string, object?>>)_values).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join(' ', Array.ConvertAll(_values, static value => $"{value.Key}:{value.Value}"));
}
