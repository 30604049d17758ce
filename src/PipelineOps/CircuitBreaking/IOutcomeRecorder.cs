namespace PipelineOps;

/// <summary>Where a permit's outcome goes: a closed circuit's window, or the lease of a probe.</summary>
internal interface IOutcomeRecorder
{
    bool WantsDuration { get; }

    void Success(TimeSpan duration);

    void Failure(TimeSpan duration);

    void Neutral();
}
