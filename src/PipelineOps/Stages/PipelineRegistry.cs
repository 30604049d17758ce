namespace PipelineOps;

/// <summary>Every pipeline that a container knows.</summary>
public sealed class PipelineRegistry : IDisposable
{
    internal PipelineRegistry(IReadOnlyList<Pipeline> pipelines) => Pipelines = pipelines;

    /// <summary>The pipelines, in the order in which they were added.</summary>
    public IReadOnlyList<Pipeline> Pipelines { get; }

    /// <summary>Gets a pipeline.</summary>
    /// <param name="name">The pipeline's name; upper and lower case differ.</param>
    /// <exception cref="KeyNotFoundException">There is no such pipeline; the message lists those that there are.</exception>
    public Pipeline GetPipeline(string name)
    {
        foreach (Pipeline pipeline in Pipelines)
        {
            if (pipeline.Name == name)
                return pipeline;
        }

        throw new KeyNotFoundException(
            Pipelines.Count == 0
                ? $"There is no pipeline \"{name}\": none is registered. Register it with AddPipelineOps().AddPipeline(…)."
                : $"There is no pipeline \"{name}\". There are: {string.Join(", ", Pipelines.Select(static pipeline => pipeline.Name))}.");
    }

    /// <summary>Gets a stage.</summary>
    /// <param name="pipeline">The pipeline's name.</param>
    /// <param name="stage">The stage's name.</param>
    /// <exception cref="KeyNotFoundException">There is no such pipeline or stage; the message lists those that there are.</exception>
    public PipelineStage GetStage(string pipeline, string stage) => GetPipeline(pipeline).GetStage(stage);

    /// <summary>Disposes every stage: calls in flight end, further ones are refused; and ends the observation of queues. The container does this when it is disposed.</summary>
    public void Dispose()
    {
        foreach (Pipeline pipeline in Pipelines)
        {
            pipeline.EndObservations();
            foreach (PipelineStage stage in pipeline.Stages)
                stage.Dispose();
        }
    }
}
