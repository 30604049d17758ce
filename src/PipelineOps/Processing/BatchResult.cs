namespace PipelineOps;

/// <summary>What became of the records of a batch.</summary>
public readonly struct BatchResult
{
    // Null when all succeeded in one call, so that a healthy batch allocates nothing.
    private readonly RecordResult[]? _results;

    private readonly int _attempts;

    internal BatchResult(int count, int attempts)
    {
        Count = count;
        Calls = count > 0 ? 1 : 0;
        _attempts = attempts;
    }

    internal BatchResult(RecordResult[] results, int calls, NextAction next)
    {
        _results = results;
        Count = results.Length;
        Calls = calls;
        Next = next;
    }

    /// <summary>The same batch, after which the run fails.</summary>
    internal BatchResult FailingRun(string problem)
    {
        RecordResult[] results = _results ?? [.. Enumerable.Repeat(this[0], Count)];
        results[^1] = results[^1].FailingRun(problem);
        return new(results, Calls, NextAction.FailRun);
    }

    /// <summary>Whether its records were called one by one in vain.</summary>
    internal bool IsSystemic => Calls > 1 && Next.Kind == NextActionKind.OpenCircuit;

    /// <summary>How many records the batch has.</summary>
    public int Count { get; }

    /// <summary>How often the stage was called, each time with the batch or a part of it; retries within a call not counted.</summary>
    public int Calls { get; }

    /// <summary>Whether every record succeeded.</summary>
    public bool IsSuccess => _results is null || Array.TrueForAll(_results, static result => result.IsSuccess);

    /// <summary>Whether every record is settled, so that the source's position may move past the batch.</summary>
    public bool IsSettled => _results is null || Array.TrueForAll(_results, static result => result.IsSettled);

    /// <summary>What whoever reads the source does next: the gravest of what the records ask for.</summary>
    public NextAction Next { get; }

    /// <summary>What became of a record.</summary>
    /// <param name="index">Its place in the batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such record.</exception>
    public RecordResult this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            return _results?[index] ?? new RecordResult(Disposition.Succeeded, _attempts);
        }
    }

    /// <summary>How many records ended with a disposition.</summary>
    /// <param name="disposition">The disposition.</param>
    public int CountOf(Disposition disposition) =>
        _results is null ? (disposition == Disposition.Succeeded ? Count : 0) : _results.Count(result => result.Disposition == disposition);
}
