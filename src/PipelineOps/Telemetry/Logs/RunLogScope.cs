using System.Collections;

namespace PipelineOps;

/// <summary>What every line that is logged in a run carries.</summary>
internal sealed class RunLogScope(string run, string pipeline) : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => 2;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("Run", run),
        1 => new("Pipeline", pipeline),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        yield return this[0];
        yield return this[1];
    }

    // For logs that write text.
    public override string ToString() => $"Run:{run} Pipeline:{pipeline}";

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
