namespace PipelineOps.Tests.Stages;

/// <summary>A delegate that fails with the given errors, one after the other, and then answers how often it was invoked.</summary>
internal sealed class Flaky(params Exception[] errors)
{
    private readonly List<DateTimeOffset> _times = [];
    private int _calls;

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>When it was invoked, if it knows the clock.</summary>
    public IReadOnlyList<DateTimeOffset> Times => _times;

    public TimeProvider? Clock { get; init; }

    /// <summary>Fails for ever, each time with an exception of its own.</summary>
    public static Flaky Always => new([.. Enumerable.Range(1, 100).Select(static i => new IOException($"failure {i}"))]);

    public ValueTask<int> Invoke(CancellationToken token)
    {
        if (Clock is not null)
            _times.Add(Clock.GetUtcNow());

        int call = Interlocked.Increment(ref _calls);
        return call <= errors.Length ? ValueTask.FromException<int>(errors[call - 1]) : new(call);
    }

    public IEnumerable<double> SecondsBetweenCalls() => _times.Zip(_times.Skip(1), static (a, b) => (b - a).TotalSeconds);
}
