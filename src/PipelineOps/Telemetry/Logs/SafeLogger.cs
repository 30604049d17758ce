using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>
/// A log that may fail without a call failing with it: a full disk behind a log must not replace the error that it was told of. A log may also use stages, which log in turn.
/// </summary>
internal sealed class SafeLogger(ILogger logger) : ILogger
{
    // Of lines within lines: a log that uses a stage which fails would be given lines until the stack is full.
    private const int MaxDepth = 3;

    private static readonly object Mark = new();

    // By the log itself, as stages that hand an exception on mostly share one; each exception as long as somebody else holds it.
    private static readonly ConditionalWeakTable<ILogger, ConditionalWeakTable<Exception, object>> Written = [];

    [ThreadStatic]
    private static int _depth;

    /// <summary>Whether no line has been written with the exception, of whichever stage; the next one is then asked in vain.</summary>
    public bool TryTake(Exception exception) => Written.GetValue(logger, static _ => []).TryAdd(exception, Mark);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
    {
        if (_depth >= MaxDepth)
            return null;

        _depth++;
        try
        {
            return logger.BeginScope(state) is { } scope ? new SafeScope(scope) : null;
        }
        catch (Exception)
        {
            // The line is worth more than its scope.
            return null;
        }
        finally
        {
            _depth--;
        }
    }

    public bool IsEnabled(LogLevel logLevel)
    {
        if (_depth >= MaxDepth)
            return false;

        _depth++;
        try
        {
            return logger.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            // A callback must not change an outcome.
            return false;
        }
        finally
        {
            _depth--;
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        _depth++;
        try
        {
            logger.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // There is nowhere left to report it.
        }
        finally
        {
            _depth--;
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
