using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

/// <summary>A log that ships its lines through a stage is told what that stage logs, but not for ever.</summary>
public sealed class LogReentrancyTests : IDisposable
{
    private readonly UsingLog _log = new();
    private readonly PipelineStage _stage;

    public LogReentrancyTests()
    {
        _stage = TestStage.Create(new ManualTimeProvider(), options =>
        {
            options.LoggerFactory = _log;
            options.Telemetry.LogBurst = int.MaxValue;
            options.Telemetry.LogScopes = true;
            options.Retry.MaxRetries = 1;
        });
        _log.Use = () => Fail().AsTask().GetAwaiter().GetResult();
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _stage.Dispose();

    [Theory]
    [InlineData("Log")]
    [InlineData("IsEnabled")]
    [InlineData("BeginScope")]
    public async Task A_log_that_uses_a_stage_which_fails_is_not_asked_without_end(string when)
    {
        _log.When = when;

        StageResult<int> result = await Fail();

        Assert.IsType<IOException>(result.Error);
        Assert.InRange(_log.Deepest, 1, 3);
        Assert.NotEmpty(_log.Events);
    }

    [Fact]
    public async Task What_its_stage_logs_meanwhile_is_written_and_later_lines_are_as_ever()
    {
        _log.When = "Log";
        await Fail();
        Assert.True(_log.Events.Count > 2);

        _log.When = "";
        _log.Events.Clear();
        await Fail();

        Assert.Equal(["Retry", "RetriesExhausted"], _log.Events);
    }

    private ValueTask<StageResult<int>> Fail() => _stage.TryExecuteAsync(static _ => ValueTask.FromException<int>(new IOException()), Ct);

    private sealed class UsingLog : ILoggerFactory, ILogger
    {
        // Ends a test that would otherwise end the process.
        private const int Limit = 50;
        private int _depth;

        public string When { get; set; } = "";

        public Action? Use { get; set; }

        public int Deepest { get; private set; }

        public List<string?> Events { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            UseStage(nameof(BeginScope));
            return null;
        }

        public bool IsEnabled(LogLevel logLevel)
        {
            UseStage(nameof(IsEnabled));
            return true;
        }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Events.Add(eventId.Name);
            UseStage(nameof(Log));
        }

        private void UseStage(string where)
        {
            if (where != When || _depth == Limit)
                return;

            Deepest = Math.Max(Deepest, ++_depth);
            Use!();
            _depth--;
        }
    }
}
