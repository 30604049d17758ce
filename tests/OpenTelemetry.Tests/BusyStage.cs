namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>A stage with everything that can be measured: a circuit, a limit, a failure store.</summary>
internal sealed class BusyStage : IDisposable
{
    private readonly OwnMeters _meters = new();

    public BusyStage(string name = "load", Action<StageOptions>? configure = null)
    {
        StageOptions options = TestStage.Options(Time, o =>
        {
            o.MeterFactory = _meters;
            o.CircuitBreaker.Enabled = true;
            o.Concurrency.MaxConcurrent = 8;
            o.Retry.MaxRetries = 1;
            o.Recovery.FailureStore = Store = new MemoryFailureStore(Time);
            Message.DescribeTo(o);
            configure?.Invoke(o);
        });
        Stage = PipelineStage.Create("orders", name, options);
    }

    public ManualTimeProvider Time { get; } = new();

    public MemoryFailureStore Store { get; private set; } = null!;

    public PipelineStage Stage { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Calls and records that succeed, are retried and fail; a batch to isolate; a dependency that takes four records at once.</summary>
    public async Task Work()
    {
        await Succeed();
        await Stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await Stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        await Stage.ProcessAsync(new Message("m-1") { Time = Time.GetUtcNow() - TimeSpan.FromSeconds(3) }, static (_, _) => default, Ct);
        await Stage.ProcessAsync(new Message("m-2"), static (_, _) => throw new FormatException(), Ct);
        await Stage.ProcessBatchAsync([.. Enumerable.Range(0, 8)], new BatchHandling { Bad = { 3 } }.Handle, BatchEffect.Atomic, Ct);
        await Stage.ProcessBatchAsync([.. Enumerable.Range(0, 8)], new BatchHandling { Capacity = 4 }.Handle, BatchEffect.Atomic, Ct);
    }

    /// <summary>A call that takes a time by the stage's clock.</summary>
    public async Task Succeed(double seconds = 0) => await Stage.ExecuteAsync(
        _ =>
        {
            Time.Advance(TimeSpan.FromSeconds(seconds));
            return default(ValueTask);
        },
        Ct);

    public void Dispose()
    {
        Stage.Dispose();
        _meters.Dispose();
    }
}
