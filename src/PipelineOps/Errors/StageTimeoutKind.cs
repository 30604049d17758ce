namespace PipelineOps;

/// <summary>Which of a stage's deadlines fired.</summary>
public enum StageTimeoutKind
{
    /// <summary>One attempt took longer than the attempt timeout; a retry may follow.</summary>
    Attempt,

    /// <summary>The whole call, with its retries and waits, took longer than the total timeout.</summary>
    Total,
}
