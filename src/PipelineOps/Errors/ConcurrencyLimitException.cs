using System.Globalization;

namespace PipelineOps;

/// <summary>The stage already runs as many calls as it may, and its queue is full.</summary>
public sealed class ConcurrencyLimitException : StageRejectedException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="pipeline">The pipeline's name.</param>
    /// <param name="stage">The stage's name.</param>
    /// <param name="maxConcurrent">How many calls may run at once.</param>
    /// <param name="maxQueued">How many calls may wait.</param>
    public ConcurrencyLimitException(string pipeline, string stage, int maxConcurrent, int maxQueued)
        : base(
            pipeline,
            stage,
            string.Create(CultureInfo.InvariantCulture, $"Stage {pipeline}/{stage} runs {maxConcurrent} calls and queues {maxQueued}, and can take no more."))
    {
        MaxConcurrent = maxConcurrent;
        MaxQueued = maxQueued;
    }

    /// <summary>How many calls may run at once.</summary>
    public int MaxConcurrent { get; }

    /// <summary>How many calls may wait.</summary>
    public int MaxQueued { get; }
}
