using System.Diagnostics;

namespace PipelineOps;

/// <summary>
/// What became of each record of a batch, as its handler reports it. A record that it does not mention is failed-unknown, never a success; of several reports
/// on one record the last holds. Not for use by several threads at once.
/// </summary>
public sealed class BatchReport
{
    private State[] _states = [];
    private Exception?[]? _errors;

    internal BatchReport()
    {
    }

    internal enum State : byte
    {
        Unmentioned,
        Succeeded,
        Filtered,
        Failed,
    }

    /// <summary>How many records the handler got.</summary>
    public int Count { get; private set; }

    /// <summary>A record is processed.</summary>
    /// <param name="index">Its place in the list that the handler got.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such record.</exception>
    public void Succeeded(int index) => Set(index, State.Succeeded, null);

    /// <summary>All records that are not reported otherwise are processed.</summary>
    public void OthersSucceeded()
    {
        for (int i = 0; i < Count; i++)
        {
            if (_states[i] == State.Unmentioned)
                _states[i] = State.Succeeded;
        }
    }

    /// <summary>A record was left out on purpose.</summary>
    /// <param name="index">Its place in the list that the handler got.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such record.</exception>
    public void Filtered(int index) => Set(index, State.Filtered, null);

    /// <summary>A record failed, and nothing was done with it.</summary>
    /// <param name="index">Its place in the list that the handler got.</param>
    /// <param name="error">Why. It is classified as if the handler had thrown it for this record alone: what can be tried again is.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such record.</exception>
    public void Failed(int index, Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        Set(index, State.Failed, error);
    }

    /// <summary>The span of the call that reports; the default if there is none.</summary>
    internal ActivityContext Span { get; set; }

    internal void Reset(int count)
    {
        Count = count;
        if (_states.Length < count)
            _states = new State[count];
        else
            Array.Clear(_states);

        _errors = null;
    }

    internal State this[int index] => _states[index];

    internal Exception ErrorOf(int index) => _errors![index]!;

    private void Set(int index, State state, Exception? error)
    {
        if ((uint)index >= (uint)Count)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"The handler got {Count} records, so the index must be from 0 to {Count - 1}.");

        _states[index] = state;
        if (error is not null)
            (_errors ??= new Exception?[Count])[index] = error;
    }
}
