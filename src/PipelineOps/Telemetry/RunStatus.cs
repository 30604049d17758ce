namespace PipelineOps;

/// <summary>How far a run is.</summary>
public enum RunStatus : byte
{
    /// <summary>It has not ended.</summary>
    Running,

    /// <summary>It has done all that it was begun for.</summary>
    Succeeded,

    /// <summary>It could not go on.</summary>
    Failed,

    /// <summary>It ended before it was done, by a stop or without anybody saying how.</summary>
    Abandoned,
}
