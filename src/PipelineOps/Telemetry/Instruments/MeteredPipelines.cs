namespace PipelineOps;

/// <summary>The pipelines of one meter: each is there from its first stage to its last; what was counted of its runs stays.</summary>
internal sealed class MeteredPipelines
{
    private readonly object _gate = new();

    // Weak, as the stages are: one that nobody disposes must not keep its pipeline, nor what the callbacks of its queues hold.
    private readonly Dictionary<string, WeakReference<MeteredPipeline>> _byName = [];

    // Not weak: what was counted does not vanish, for the last reading of a program comes after its stages are disposed of.
    private readonly Dictionary<string, RunCounts> _runs = [];

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

                if (!_runs.TryGetValue(name, out RunCounts? runs))
                    _runs.Add(name, runs = new RunCounts(name));

                pipeline = new MeteredPipeline(name, runs);
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
            if (--pipeline.Stages > 0)
                return;

            _byName.Remove(pipeline.Name);
            if (pipeline.Runs.IsUntouched)
                _runs.Remove(pipeline.Name);
        }
    }

    /// <summary>The runs of those that are there, and of those that were and had any.</summary>
    public RunCounts[] ReadRuns()
    {
        lock (_gate)
            return [.. _runs.Values];
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
