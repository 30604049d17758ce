namespace PipelineOps;

/// <summary>One observation of a queue, until it is disposed. What its callbacks throw is reported once, and again only after they worked.</summary>
internal sealed class ObservedQueue(string name, Func<long> length, Func<TimeSpan?>? oldestAge, PipelineTelemetry telemetry) : IDisposable
{
    private int _lengthFails;
    private int _ageFails;

    public string Name => name;

    /// <summary>Who has begun the observation.</summary>
    public required object Owner { get; init; }

    /// <summary>The channel that is observed; <see langword="null"/> for callbacks, which may read anything.</summary>
    public object? Channel { get; init; }

    /// <summary>Whether a run observes its source, without having been asked to.</summary>
    public bool IsOfRun { get; init; }

    /// <summary>How many records wait; <see langword="null"/> if that cannot be told.</summary>
    public long? ReadLength()
    {
        try
        {
            long records = length();
            Volatile.Write(ref _lengthFails, 0);
            return Math.Max(0, records);
        }
        catch (Exception exception)
        {
            Report(ref _lengthFails, "queue length", exception);
            return null;
        }
    }

    /// <summary>The age of the record that waits longest; <see langword="null"/> if that cannot be told.</summary>
    public TimeSpan? ReadOldestAge()
    {
        if (oldestAge is null)
            return null;

        try
        {
            TimeSpan? age = oldestAge();
            Volatile.Write(ref _ageFails, 0);
            return age < TimeSpan.Zero ? TimeSpan.Zero : age;
        }
        catch (Exception exception)
        {
            Report(ref _ageFails, "oldest age", exception);
            return null;
        }
    }

    public void Dispose() => telemetry.Metered.Queues.Remove(this);

    private void Report(ref int fails, string callback, Exception exception)
    {
        // Ended while it was asked: what the callback reads may be gone already.
        if (!telemetry.Metered.Queues.Has(this))
            return;

        if (Interlocked.Exchange(ref fails, 1) == 0)
            telemetry.Logs.CallbackFailed($"{callback} of {name}", exception);
    }
}
