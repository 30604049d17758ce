using System.Collections;

namespace PipelineOps;

/// <summary>What a call is for; the default for a call without a record. Looked at only for a span, a line of the log or a measurement that somebody wants.</summary>
/// <param name="Record">The record, or the list of records.</param>
/// <param name="IsBatch">Whether it is a list of records.</param>
internal readonly record struct CallSubject(object? Record, bool IsBatch)
{
    /// <summary>The records of a batch.</summary>
    public IEnumerable Records => (IEnumerable)Record!;

    /// <summary>How many records a batch has.</summary>
    public int Count
    {
        get
        {
            // Whichever is implemented: a list of a value type is no list of objects, and a part of a batch no collection of the old kind.
            switch (Record)
            {
                case IReadOnlyCollection<object?> records:
                    return records.Count;
                case ICollection records:
                    return records.Count;
                default:
                    int count = 0;
                    foreach (object? _ in Records)
                        count++;

                    return count;
            }
        }
    }
}
