using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>A log that may fail without a call failing with it: a full disk behind a log must not replace the error that it was told of.</summary>
internal sealed class SafeLogger(ILogger logger) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
    {
        try
        {
            return logger.BeginScope(state) is { } scope ? new SafeScope(scope) : null;
        }
        catch (Exception)
        {
            // The line is worth more than its scope.
            return null;
        }
    }

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return logger.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            // A callback must not change an outcome.
            return false;
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            logger.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // There is nowhere left to report it.
        }
    }

    private sealed class SafeScope(IDisposable scope) : IDisposable
    {
        public void Dispose()
        {
            try
            {
                scope.Dispose();
            }
            catch (Exception)
            {
                // There is nowhere left to report it.
            }
        }
    }
}
