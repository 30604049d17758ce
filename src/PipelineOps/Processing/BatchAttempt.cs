namespace PipelineOps;

/// <summary>What a batch handler may know of the attempt that it is.</summary>
public readonly struct BatchAttempt
{
    private readonly StageAttempt _attempt;
    private readonly object _records;

    internal BatchAttempt(in StageAttempt attempt, object records)
    {
        _attempt = attempt;
        _records = records;
    }

    /// <inheritdoc cref="StageAttempt.Number"/>
    public int Number => _attempt.Number;

    /// <inheritdoc cref="StageAttempt.IsRetry"/>
    public bool IsRetry => _attempt.IsRetry;

    /// <inheritdoc cref="StageAttempt.LastError"/>
    public Exception? LastError => _attempt.LastError;

    /// <summary>
    /// A text that is the same for one record over every attempt, however its batch is split, and differs between records, calls and processes. Send it
    /// along, so that the receiver can tell a repetition from a new record.
    /// </summary>
    /// <param name="index">The record's place in the list that the handler got.</param>
    public string IdempotencyKey(int index) => $"{_attempt.IdempotencyKey}-{IPartOfBatch.IndexIn(_records, index)}";
}
