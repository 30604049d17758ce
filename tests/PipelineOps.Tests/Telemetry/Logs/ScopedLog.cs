using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace PipelineOps.Tests.Telemetry;

/// <summary>A line with the values of the scopes that were open around it, and their texts from the outermost on.</summary>
internal sealed record ScopedLine(LogLevel Level, EventId Id, string Message, Exception? Exception, IReadOnlyDictionary<string, object?> Values, IReadOnlyList<string> Scopes);

/// <summary>Keeps what is logged through real loggers.</summary>
internal sealed class ScopedLog : ILoggerProvider, ISupportExternalScope
{
    private readonly ConcurrentQueue<ScopedLine> _lines = new();
    private IExternalScopeProvider _scopes = new LoggerExternalScopeProvider();

    public ScopedLog(LogLevel minimum = LogLevel.Trace) => Loggers = LoggerFactory.Create(builder => builder.SetMinimumLevel(minimum).AddProvider(this));

    public ILoggerFactory Loggers { get; }

    public IReadOnlyCollection<ScopedLine> Lines => _lines;

    public ScopedLine[] Of(string eventName) => [.. _lines.Where(line => line.Id.Name == eventName)];

    public string[] Messages(string eventName) => [.. Of(eventName).Select(static line => line.Message)];

    /// <summary>The texts of the scopes that a line would be logged in here, from the outermost on.</summary>
    public string[] ScopesHere()
    {
        List<string> scopes = [];
        _scopes.ForEachScope(static (scope, scopes) => scopes.Add(scope!.ToString()!), scopes);
        return [.. scopes];
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose() => Loggers.Dispose();

    private sealed class Logger(ScopedLog owner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => owner._scopes.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var values = new Dictionary<string, object?>();
            owner._scopes.ForEachScope(
                static (scope, values) =>
                {
                    foreach ((string key, object? value) in scope as IReadOnlyList<KeyValuePair<string, object?>> ?? [])
                        values[key] = value;
                },
                values);
            owner._lines.Enqueue(new(logLevel, eventId, formatter(state, exception), exception, values, owner.ScopesHere()));
        }
    }
}
