using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Processing;

namespace PipelineOps.Tests.Telemetry;

public sealed partial class LogValueTests
{
    [Fact]
    public async Task Values_of_a_line_have_the_names_that_its_template_says()
    {
        var log = new TemplateLog();
        var stage = new ProcessingStage(options =>
        {
            options.LoggerFactory = log;
            options.Telemetry.LogBurst = 1;
            options.Retry.MaxRetries = 1;
            options.AddResultRule<int>(static _ => throw new InvalidOperationException());
        });
        await using (PipelineRun run = Pipeline.Create(stage.Stage).BeginRun())
        {
            await stage.Fail(new IOException());
            await stage.Fail(new IOException());
            await stage.Stage.ExecuteAsync(static _ => new ValueTask<int>(1), ProcessingStage.Token);
        }

        stage.Dispose();

        Assert.Equal(["CallbackFailed", "RecordKept", "Repeated", "RetriesExhausted", "Retry", "RunEnded"], log.Lines.Select(static line => line.Event).Distinct().Order());
        Assert.All(log.Lines, static line => Assert.Equal(Placeholder().Matches(line.Template).Select(static match => match.Groups[1].Value).Order(), line.Names.Order()));
    }

    [Fact]
    public async Task The_end_of_a_run_tells_the_run_by_the_name_that_scopes_have_also_where_none_is_open()
    {
        var log = new TemplateLog();
        using var stage = new ProcessingStage(options => options.LoggerFactory = log);
        PipelineRun run = await Task.Run(() => Pipeline.Create(stage.Stage).BeginRun("17"), ProcessingStage.Token);

        run.Complete();

        Assert.Contains("Run", Assert.Single(log.Lines).Names);
    }

    [GeneratedRegex(@"\{(\w+)[^}]*\}")]
    private static partial Regex Placeholder();

    private sealed class TemplateLog : ILoggerFactory, ILogger
    {
        public List<(string Event, string Template, string[] Names)> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Dictionary<string, object?> values = ((IReadOnlyList<KeyValuePair<string, object?>>)state!).ToDictionary();
            values.Remove("{OriginalFormat}", out object? template);
            Lines.Add((eventId.Name!, (string)template!, [.. values.Keys]));
        }
    }
}
