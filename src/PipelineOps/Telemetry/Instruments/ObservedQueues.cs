namespace PipelineOps;

/// <summary>The queues of one pipeline that are observed.</summary>
internal sealed class ObservedQueues
{
    private readonly object _gate = new();
    private volatile ObservedQueue[] _queues = [];

    public void Add(ObservedQueue queue)
    {
        lock (_gate)
            _queues = [.. _queues, queue];
    }

    public void Remove(ObservedQueue queue)
    {
        lock (_gate)
            _queues = [.. _queues.Where(known => known != queue)];
    }

    /// <summary>Whether the observation has not ended.</summary>
    public bool Has(ObservedQueue queue) => Array.IndexOf(_queues, queue) >= 0;

    /// <summary>Ends every observation that somebody has begun.</summary>
    public void RemoveAllOf(object owner)
    {
        lock (_gate)
            _queues = [.. _queues.Where(known => known.Owner != owner)];
    }

    /// <summary>
    /// Those that count, by name. A channel counts once under one name. What a run observes by itself gives way to what the program observes: the same channel
    /// under whichever name, or a length of the same name, which is most likely the same channel's.
    /// </summary>
    public IEnumerable<IGrouping<string, ObservedQueue>> Counted()
    {
        ObservedQueue[] queues = _queues;
        ObservedQueue[] asked = [.. queues.Where(static queue => !queue.IsOfRun).DistinctBy(static queue => (queue.Name, queue.Channel ?? queue))];
        HashSet<string> lengths = [.. asked.Where(static queue => queue.Channel is null).Select(static queue => queue.Name)];
        HashSet<object?> channels = new(asked.Select(static queue => queue.Channel), ReferenceEqualityComparer.Instance);
        IEnumerable<ObservedQueue> ofRuns = queues.Where(queue => queue.IsOfRun && !lengths.Contains(queue.Name) && channels.Add(queue.Channel));
        return asked.Concat(ofRuns).GroupBy(static queue => queue.Name);
    }
}
