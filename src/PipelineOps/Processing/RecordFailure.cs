namespace PipelineOps;

/// <summary>How and why a record, or several of one batch, did not succeed.</summary>
internal sealed record RecordFailure(Exception? Error, ErrorClassification Classification, DispositionReason Reason, NextAction Next)
{
    /// <summary>What is kept; <see langword="null"/> if the record was given back.</summary>
    public FailureRecord? Kept { get; init; }

    /// <summary>Why the run is to fail, where that is not the error.</summary>
    public string? Problem { get; init; }

    /// <summary>Why nothing could be kept.</summary>
    public Exception? StoreError { get; init; }
}
