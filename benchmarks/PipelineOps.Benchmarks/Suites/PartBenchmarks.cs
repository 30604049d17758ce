using System.Net.Sockets;
using BenchmarkDotNet.Attributes;

namespace PipelineOps.Benchmarks.Suites;

/// <summary>The parts that a call is made of, each alone.</summary>
[MemoryDiagnoser]
public class PartBenchmarks
{
    private static readonly object State = new();

    // Never trips, however many failures come.
    private readonly CircuitBreaker _circuit = new(new CircuitBreakerOptions { MinimumThroughput = int.MaxValue });
    private readonly Backoff _backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(200));
    private readonly Func<double> _random = new Random(1).NextDouble;
    private readonly RetryBudget _budget = new(tokensPerSuccess: 1);
    private readonly Exception _error = new InvalidOperationException("outer", new SocketException((int)SocketError.ConnectionRefused));
    private readonly PipelineStage _bare = PipelineStage.Create("benchmark", "bare", new StageOptions { CircuitBreaker = { Enabled = false } });
    private readonly PipelineStage _limited = PipelineStage.Create("benchmark", "limited", new StageOptions { Concurrency = { MaxConcurrent = 4 } });
    private readonly PipelineStage _timed = PipelineStage.Create("benchmark", "timed", new StageOptions { AttemptTimeout = TimeSpan.FromSeconds(10) });

    [Benchmark(Baseline = true)]
    public ValueTask<int> StageWithoutCircuit() => _bare.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State);

    [Benchmark]
    public ValueTask<int> StageWithConcurrencyLimit() => _limited.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State);

    [Benchmark]
    public ValueTask<int> StageWithAttemptTimeout() => _timed.ExecuteAsync(static (_, _) => new ValueTask<int>(1), State);

    [Benchmark]
    public ValueTask<StageResult<int>> StageWithResult() => _bare.TryExecuteAsync(static (_, _) => new ValueTask<int>(1), State);

    [Benchmark]
    public void CircuitSuccess()
    {
        _circuit.TryAcquire(out CircuitPermit permit);
        permit.Success();
    }

    [Benchmark]
    public void CircuitFailure()
    {
        _circuit.TryAcquire(out CircuitPermit permit);
        permit.Failure();
    }

    [Benchmark]
    public TimeSpan BackoffDelay() => _backoff.GetDelay(3, default, _random);

    [Benchmark]
    public bool BudgetForOneRetry()
    {
        _budget.Deposit();
        return _budget.TryWithdraw();
    }

    [Benchmark]
    public ErrorClassification Classify() => ErrorClassifier.Default.Classify(_error);
}
