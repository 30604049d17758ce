using System.Diagnostics.CodeAnalysis;

namespace PipelineOps;

/// <summary>What became of a record, and what its handler made of it.</summary>
/// <typeparam name="T">The type of the handler's result.</typeparam>
public readonly struct RecordResult<T>
{
    private readonly RecordResult _result;

    internal RecordResult(T? value, RecordResult result)
    {
        Value = value;
        _result = result;
    }

    /// <summary>What the handler made of the record; when a result rule called that a failure, that result; otherwise the default.</summary>
    public T? Value { get; }

    /// <inheritdoc cref="RecordResult.Disposition"/>
    public Disposition Disposition => _result.Disposition;

    /// <inheritdoc cref="RecordResult.IsSuccess"/>
    [MemberNotNullWhen(true, nameof(Value))]
    public bool IsSuccess => _result.IsSuccess;

    /// <inheritdoc cref="RecordResult.IsSettled"/>
    public bool IsSettled => _result.IsSettled;

    /// <inheritdoc cref="RecordResult.Next"/>
    public NextAction Next => _result.Next;

    /// <inheritdoc cref="RecordResult.Error"/>
    public Exception? Error => _result.Error;

    /// <inheritdoc cref="RecordResult.Classification"/>
    public ErrorClassification Classification => _result.Classification;

    /// <inheritdoc cref="RecordResult.Reason"/>
    public DispositionReason? Reason => _result.Reason;

    /// <inheritdoc cref="RecordResult.Failure"/>
    public FailureRecord? Failure => _result.Failure;

    /// <inheritdoc cref="RecordResult.StoreError"/>
    public Exception? StoreError => _result.StoreError;

    /// <inheritdoc cref="RecordResult.Problem"/>
    public string? Problem => _result.Problem;

    /// <inheritdoc cref="RecordResult.Attempts"/>
    public int Attempts => _result.Attempts;

    /// <summary>The same without the value.</summary>
    /// <param name="result">The result.</param>
    public static implicit operator RecordResult(RecordResult<T> result) => result._result;

    /// <summary>The same without the value.</summary>
    public RecordResult ToRecordResult() => _result;

    /// <summary>The disposition, and why.</summary>
    public override string ToString() => _result.ToString();
}
