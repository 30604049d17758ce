namespace PipelineOps;

/// <summary>What whoever reads the source does next.</summary>
public enum NextActionKind : byte
{
    /// <summary>Go on with the next record; this one is settled.</summary>
    Continue,

    /// <summary>Process the same record again, not before <see cref="NextAction.At"/>.</summary>
    RetryAt,

    /// <summary>Give the record back to its source, which delivers it again.</summary>
    Requeue,

    /// <summary>Go on; the record waits for a person.</summary>
    Park,

    /// <summary>Stop the run: the next record would fail in the same way, or too many failed already.</summary>
    FailRun,

    /// <summary>Stop reading until the stage's circuit lets calls through: the dependency is down.</summary>
    OpenCircuit,
}
