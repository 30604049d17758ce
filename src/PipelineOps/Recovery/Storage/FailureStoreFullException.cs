namespace PipelineOps;

/// <summary>Thrown when a failure store has reached the size that its options allow. Nothing was kept of what was appended; appending again is safe.</summary>
public sealed class FailureStoreFullException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which store is full, and the remedy.</param>
    public FailureStoreFullException(string message)
        : base(message)
    {
    }
}
