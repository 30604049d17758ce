namespace PipelineOps;

/// <summary>How a call without a result ended. Made by <c>TryExecuteAsync</c>, which never throws for a stage's failure.</summary>
public readonly struct StageResult
{
    private readonly StageResult<None> _result;

    internal StageResult(in StageResult<None> result) => _result = result;

    /// <inheritdoc cref="StageResult{T}.IsSuccess"/>
    public bool IsSuccess => _result.IsSuccess;

    /// <inheritdoc cref="StageResult{T}.IsRejected"/>
    public bool IsRejected => _result.IsRejected;

    /// <inheritdoc cref="StageResult{T}.Error"/>
    public Exception? Error => _result.Error;

    /// <inheritdoc cref="StageResult{T}.Classification"/>
    public ErrorClassification Classification => _result.Classification;

    /// <inheritdoc cref="StageResult{T}.Attempts"/>
    public int Attempts => _result.Attempts;

    /// <inheritdoc cref="StageResult{T}.Duration"/>
    public TimeSpan Duration => _result.Duration;

    /// <summary>Throws <see cref="Error"/> with its original stack if the call failed.</summary>
    public void ThrowIfFailed() => _result.ThrowIfFailed();
}
