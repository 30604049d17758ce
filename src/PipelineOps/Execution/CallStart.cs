namespace PipelineOps;

/// <summary>How the synchronous beginning of a call went.</summary>
internal enum CallStart
{
    /// <summary>The delegate is to be invoked now.</summary>
    Begun,

    /// <summary>The circuit is open and the stage does not wait.</summary>
    Rejected,

    /// <summary>The call needs a state machine from its beginning: it waits, is traced, or was cancelled.</summary>
    Deferred,
}
