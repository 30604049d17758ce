using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>Log events of a stage that a pipeline has too, in a pipeline's words; the id and the name are the same.</summary>
internal static partial class PipelineLog
{
    [LoggerMessage(4, LogLevel.Error, "Pipeline {Pipeline}: the {Callback} threw; the pipeline goes on without it.", EventName = "CallbackFailed")]
    public static partial void CallbackFailed(ILogger logger, string pipeline, string callback, Exception exception);
}
