namespace PipelineOps;

/// <summary>The pipelines of one meter: each is there from its first stage to its last.</summary>
internal sealed class MeteredPipelines
{
    private readonly object _gate = new();

    // Weak, as the stages are: one that nobody disposes must not keep its pipeline, nor what the callbacks of its queues hold.
    private readonly Dictionary<string, WeakReference<MeteredPipeline>> _byName = [];

    /// <summary>A stage of the pipeline has come to be.</summary>
    public MeteredPipeline Join(string name)
    {
        lock (_gate)
        {
            if (!_byName.TryGetValue(name, out WeakReference<MeteredPipeline>? known) || !known.TryGetTarget(out MeteredPipeline? pipeline))
            {
                // Swept when it is about to grow, so that joining stays cheap.
                if (_byName.Count == _byName.EnsureCapacity(0))
                    Sweep();

                pipeline = new MeteredPipeline(name);
                _byName[name] = new WeakReference<MeteredPipeline>(pipeline);
            }

            pipeline.Stages++;
            return pipeline;
        }
    }

    /// <summary>A stage is disposed.</summary>
    public void Leave(MeteredPipeline pipeline)
    {
        lock (_gate)
        {
            if (--pipeline.Stages == 0)
                _byName.Remove(pipeline.Name);
        }
    }

    /// <summary>Those that are there.</summary>
    public List<MeteredPipeline> Read()
    {
        List<MeteredPipeline> pipelines = [];
        lock (_gate)
        {
            foreach (WeakReference<MeteredPipeline> reference in _byName.Values)
            {
                if (reference.TryGetTarget(out MeteredPipeline? pipeline))
                    pipelines.Add(pipeline);
            }
        }

        return pipelines;
    }

    private void Sweep()
    {
        foreach ((string name, WeakReference<MeteredPipeline> reference) in _byName.ToArray())
        {
            if (!reference.TryGetTarget(out _))
                _byName.Remove(name);
        }
    }
}
