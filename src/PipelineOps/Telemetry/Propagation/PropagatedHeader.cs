namespace PipelineOps;

/// <summary>What a header carries, as malformed ones are counted.</summary>
internal enum PropagatedHeader : byte
{
    TraceParent,
    TraceState,
    Baggage,
    RunId,

    /// <summary>Headers that could not be read at all, or that only a propagator of the program's own knows.</summary>
    Headers,
}
