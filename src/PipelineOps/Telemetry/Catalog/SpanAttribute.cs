namespace PipelineOps;

/// <summary>The names of the attributes of spans.</summary>
internal static class SpanAttribute
{
    public const string Attempts = "pipelineops.attempts";
    public const string Attempt = "pipelineops.attempt";
    public const string Delay = "pipelineops.delay";
    public const string RunId = "pipelineops.run.id";
    public const string RecordKey = "pipelineops.record.key";
    public const string BatchSize = "pipelineops.batch.size";
    public const string FailureId = "pipelineops.failure.id";
    public const string Disposition = "pipelineops.disposition";
    public const string RedriveCount = "pipelineops.redrive.count";
    public const string ErrorType = "error.type";
}
