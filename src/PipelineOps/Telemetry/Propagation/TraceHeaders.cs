namespace PipelineOps;

/// <summary>Carries a trace, its baggage and the run over a queue, in the headers of a message.</summary>
public static class TraceHeaders
{
    /// <summary>The header that carries the run's id.</summary>
    public const string RunId = "pipelineops-run-id";
}
