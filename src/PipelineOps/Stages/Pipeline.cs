namespace PipelineOps;

/// <summary>A named, ordered set of stages, from ingestion to delivery.</summary>
public sealed class Pipeline
{
    internal Pipeline(string name, IReadOnlyList<PipelineStage> stages)
    {
        Name = name;
        Stages = stages;
    }

    /// <summary>The pipeline's name, unique in its registry.</summary>
    public string Name { get; }

    /// <summary>The stages, in the order in which they were added.</summary>
    public IReadOnlyList<PipelineStage> Stages { get; }

    /// <summary>Gets a stage.</summary>
    /// <param name="name">The stage's name; upper and lower case differ.</param>
    /// <exception cref="KeyNotFoundException">There is no such stage; the message lists those that there are.</exception>
    public PipelineStage GetStage(string name)
    {
        foreach (PipelineStage stage in Stages)
        {
            if (stage.Name == name)
                return stage;
        }

        throw new KeyNotFoundException(
            $"Pipeline \"{Name}\" has no stage \"{name}\". It has: {string.Join(", ", Stages.Select(static stage => stage.Name))}.");
    }

    /// <summary>The pipeline's name.</summary>
    public override string ToString() => Name;
}
