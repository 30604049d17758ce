using Microsoft.Extensions.Logging;

namespace PipelineOps.Tests.Telemetry;

/// <summary>A log whose scopes throw when they are opened, or when they end.</summary>
internal sealed class ThrowingScopes(bool whenOpened) : ILoggerFactory, ILogger, IDisposable
{
    public List<string> Written { get; } = [];

    public int Thrown { get; private set; }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
    {
        if (whenOpened)
            Throw();

        return new Scope(this);
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Written.Add(eventId.Name!);

    public void Dispose()
    {
    }

    private void Throw()
    {
        Thrown++;
        throw new InvalidOperationException("scope");
    }

    private sealed class Scope(ThrowingScopes owner) : IDisposable
    {
        public void Dispose() => owner.Throw();
    }
}
