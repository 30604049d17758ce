using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>What a pipeline as a whole writes to its log.</summary>
internal sealed class PipelineLogs(string pipeline, ILogger logger)
{
    public void CallbackFailed(string callback, Exception exception) => PipelineLog.CallbackFailed(logger, pipeline, callback, exception);

    public void RunEnded(
        string run, RunStatus status, TimeSpan duration, long read, long processed, long failed, long bytes, TimeSpan? processorTime, long allocatedBytes, Exception? error)
    {
        LogLevel level = status switch
        {
            RunStatus.Failed => LogLevel.Error,
            RunStatus.Abandoned => LogLevel.Warning,
            _ => LogLevel.Information,
        };
        StageLog.RunEnded(logger, level, run, pipeline, status, duration, read, processed, failed, bytes, processorTime, allocatedBytes, error);
    }

    /// <summary>Begins a scope around what is logged in a run, in the calling flow of control. It is ended in the same.</summary>
    public IDisposable? BeginRunScope(string run) => logger.BeginScope(new LogScope(pipeline, stage: null, run));
}
