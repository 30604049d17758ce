using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace PipelineOps.Tests.Telemetry;

/// <summary>Keeps what is logged and in which scopes, which flow as those of real logs do.</summary>
internal sealed class ScopedLoggers : ILoggerFactory
{
    private readonly LoggerExternalScopeProvider _scopes = new();
    private readonly ConcurrentQueue<Line> _lines = new();

    public IReadOnlyCollection<Line> Lines => _lines;

    /// <summary>Whether scopes cannot be begun.</summary>
    public bool RefusesScopes { get; init; }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    /// <summary>The scopes that a line would be logged in here.</summary>
    public string[] ScopesHere()
    {
        List<string> scopes = [];
        _scopes.ForEachScope(
            static (scope, scopes) => scopes.Add(
                scope is IEnumerable<KeyValuePair<string, object?>> pairs ? string.Join(',', pairs.Select(static pair => $"{pair.Key}={pair.Value}")) : $"{scope}"),
            scopes);
        return [.. scopes];
    }

    /// <summary>A line with the scopes that it was logged in, from the outermost, each as in <c>Pipeline=orders,Run=1</c>.</summary>
    internal sealed record Line(string Category, LogLevel Level, EventId Id, string Message, Exception? Exception, string[] Scopes);

    private sealed class Logger(ScopedLoggers owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => owner.RefusesScopes ? throw new InvalidOperationException("no scopes") : owner._scopes.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            owner._lines.Enqueue(new(category, logLevel, eventId, formatter(state, exception), exception, owner.ScopesHere()));
    }
}
