using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Recovery;

/// <summary>Stages that process records: without retries, a circuit or waits, with a store of their own, and with what a test asks for.</summary>
internal static class RecordStage
{
    public static PipelineStage Create(TimeProvider time, IFailureStore store, Action<StageOptions>? configure = null) => TestStage.Create(time, options =>
    {
        options.Retry.MaxRetries = 0;
        options.ErrorClassifier = ErrorClassifier.Create(static rules => rules.Map<ClassifiedException>(static exception => exception.Classification));
        options.Recovery.FailureStore = store;
        configure?.Invoke(options);
    });

    /// <summary>Processes a record whose handler throws.</summary>
    public static Task<RecordResult> FailAsync(this PipelineStage stage, ErrorClassification classification, string record = "record") =>
        stage.ProcessAsync(record, (_, _) => throw new ClassifiedException(classification), TestContext.Current.CancellationToken).InTime();

    public static Task<RecordResult> SucceedAsync(this PipelineStage stage) =>
        stage.ProcessAsync("record", static (_, _) => default, TestContext.Current.CancellationToken).InTime();
}
