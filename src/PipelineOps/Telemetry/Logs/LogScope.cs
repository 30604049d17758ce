using System.Collections;

namespace PipelineOps;

/// <summary>What a line is about; providers that keep values read them one by one, others write the text.</summary>
internal sealed class LogScope : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly KeyValuePair<string, object?>[] _values;

    public LogScope(string pipeline, string? stage, string? run = null, string? recordKey = null, IReadOnlyList<KeyValuePair<string, object?>>? details = null)
    {
        List<KeyValuePair<string, object?>> values = [new("Pipeline", pipeline)];
        Add("Stage", stage);
        Add("Run", run);
        Add("RecordKey", recordKey);
        _values = [.. values, .. details ?? []];

        void Add(string name, string? value)
        {
            if (value is not null)
                values.Add(new(name, value));
        }
    }

    public int Count => _values.Length;

    public KeyValuePair<string, object?> this[int index] => _values[index];

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => ((IEnumerable<KeyValuePair<string, object?>>)_values).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join(' ', Array.ConvertAll(_values, static value => $"{value.Key}:{value.Value}"));
}
