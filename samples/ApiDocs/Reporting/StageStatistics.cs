using PipelineOps;

namespace ApiDocs.Reporting;

/// <summary>What the results of a stage's calls add up to.</summary>
internal sealed class StageStatistics
{
    private readonly Lock _lock = new();
    private readonly List<TimeSpan> _durations = [];
    private readonly List<CircuitTransition> _transitions = [];
    private long _attempts;
    private long _retries;

    public StageStatistics(PipelineStage stage)
    {
        Stage = stage;
        if (stage.Circuit is { } circuit)
        {
            circuit.Transitioned += transition =>
            {
                lock (_lock)
                    _transitions.Add(transition);
            };
        }
    }

    public PipelineStage Stage { get; }

    /// <summary>How many calls and retries so far.</summary>
    public (int Calls, long Retries) Progress
    {
        get
        {
            lock (_lock)
                return (_durations.Count, _retries);
        }
    }

    public void Add<T>(StageResult<T> result) => Add(result.Attempts, result.Duration);

    public void Add(StageResult result) => Add(result.Attempts, result.Duration);

    public StageTotals Totals()
    {
        lock (_lock)
        {
            _durations.Sort();
            return new StageTotals(_durations.Count, _attempts, _retries, Quantile(0.50), Quantile(0.95), [.. _transitions]);
        }

        // Nearest rank.
        TimeSpan Quantile(double q) => _durations.Count == 0 ? TimeSpan.Zero : _durations[(int)Math.Ceiling(q * _durations.Count) - 1];
    }

    private void Add(int attempts, TimeSpan duration)
    {
        lock (_lock)
        {
            _durations.Add(duration);
            _attempts += attempts;
            _retries += Math.Max(0, attempts - 1);
        }
    }
}

/// <summary>A stage's figures at one moment.</summary>
internal sealed record StageTotals(
    int Calls, long Attempts, long Retries, TimeSpan P50, TimeSpan P95, IReadOnlyList<CircuitTransition> Transitions);
