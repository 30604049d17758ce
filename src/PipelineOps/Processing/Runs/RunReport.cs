namespace PipelineOps;

/// <summary>The figures of a run at one moment; of one that has ended, those of its end, with what was added later.</summary>
public sealed record RunReport
{
    internal RunReport()
    {
    }

    /// <summary>Identifies the run.</summary>
    public required string RunId { get; init; }

    /// <summary>The name of the run's pipeline; <see langword="null"/> for a run that belongs to none.</summary>
    public required string? Pipeline { get; init; }

    /// <summary>How far the run is, or how it ended.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>When the run began, by the wall clock.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>How long the run took, or takes so far.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Records that were taken on: by the <c>ProcessAllAsync</c> calls of the run, and as told to <see cref="PipelineRun.AddRead"/>.</summary>
    public required long RecordsRead { get; init; }

    /// <summary>Records that were processed, or left out on purpose.</summary>
    public required long RecordsProcessed { get; init; }

    /// <summary>Records that failed.</summary>
    public required long RecordsFailed { get; init; }

    /// <summary>How many bytes were read, as told to <see cref="PipelineRun.AddRead"/>.</summary>
    public required long Bytes { get; init; }

    /// <summary>
    /// The processor time of the whole process while the run lasted, whatever else it did meanwhile; <see langword="null"/> where the platform does not tell.
    /// </summary>
    public required TimeSpan? ProcessorTime { get; init; }

    /// <summary>How many bytes the whole process allocated on its managed heap while the run lasted, whatever else it did meanwhile.</summary>
    public required long AllocatedBytes { get; init; }

    /// <summary>Why the run failed; <see langword="null"/> if it did not, or if nobody said why.</summary>
    public required Exception? Error { get; init; }
}
