using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Processing;

/// <summary>A stage for records, with a clock and a store of its own: no delay between retries, no circuit, unless a test asks for them.</summary>
internal sealed class ProcessingStage : IDisposable
{
    public ProcessingStage(Action<StageOptions>? configure = null) => Stage = TestStage.Create(Time, options =>
    {
        options.Recovery.FailureStore = Store;
        configure?.Invoke(options);
    });

    public ManualTimeProvider Time { get; } = new();

    public BreakableStore Store { get; } = new();

    public PipelineStage Stage { get; }

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public Task<RecordResult> Process(string record, Func<string, CancellationToken, ValueTask> handler, CancellationToken? token = null) =>
        Stage.ProcessAsync(record, handler, token ?? Token).InTime();

    /// <summary>Processes a record whose every attempt fails so.</summary>
    public Task<RecordResult> Fail(Exception error, CancellationToken? token = null) => Process("record", (_, _) => ValueTask.FromException(error), token);

    public void Dispose() => Stage.Dispose();
}
