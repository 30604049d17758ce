using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Processing;

namespace PipelineOps.Tests.Stages;

public sealed class StageLifetimeTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_disposed_stage_refuses_calls_and_options()
    {
        PipelineStage stage = TestStage.Create(_time);
        stage.Dispose();
        var flaky = new Flaky();

        ObjectDisposedException thrown = await Assert.ThrowsAsync<ObjectDisposedException>(() => stage.ExecuteAsync(flaky.Invoke, Ct).InTime());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stage.TryExecuteAsync(flaky.Invoke, Ct).InTime());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stage.ExecuteAsync((_, ct) => flaky.Invoke(ct), 0, -1, Ct).InTime());
        Assert.Throws<ObjectDisposedException>(() => stage.Reconfigure(TestStage.Options(_time)));

        Assert.Contains("orders/load", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(0, flaky.Calls);
        Assert.Null(stage.Circuit);
        Assert.Equal(("orders", "load", "orders/load"), (stage.Pipeline, stage.Name, stage.ToString()));
    }

    [Fact]
    public async Task A_call_in_flight_and_its_retries_end_as_if_nothing_had_happened()
    {
        PipelineStage stage = TestStage.Create(_time, static o =>
        {
            o.Retry.Backoff = TestStage.Seconds(1);
            o.TotalTimeout = TimeSpan.FromMinutes(1);
            (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1);
        });
        ValueTask<int> call = stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        ValueTask<int> queued = stage.ExecuteAsync(new Flaky().Invoke, Ct);

        stage.Dispose();
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        Assert.Equal(2, await call.InTime());
        Assert.Equal(1, await queued.InTime());
    }

    [Fact]
    public async Task A_log_that_is_told_of_the_disposal_may_wait_for_others_that_dispose_too()
    {
        var log = new WaitingLog();
        var store = new BreakableStore();
        PipelineStage stage = TestStage.Create(_time, options =>
        {
            options.LoggerFactory = log;
            options.Recovery.FailureStore = store;
            options.Recovery.Notify(new HangingNotifier(), new NotificationOptions { MinimumSeverity = ErrorSeverity.Low });
        });
        for (int i = 0; i < 5; i++)
            await stage.ProcessAsync("record", static (_, _) => ValueTask.FromException(new FormatException()), Ct);

        log.Wait = () => Task.Run(stage.Dispose, Ct).Wait(TimeSpan.FromSeconds(5), Ct);
        stage.Dispose();

        Assert.Equal([true], log.Waited);
    }

    [Fact]
    public void Disposing_twice_is_fine()
    {
        PipelineStage stage = TestStage.Create(_time);

        stage.Dispose();
        stage.Dispose();

        Assert.Null(stage.Circuit);
    }

    [Theory]
    [InlineData("", "load")]
    [InlineData("orders", "load data")]
    [InlineData("orders/eu", "load")]
    [InlineData("orders", "lädt")]
    [InlineData(null, "load")]
    public void A_name_that_no_tag_can_carry_is_refused(string? pipeline, string stage) =>
        Assert.Single(Assert.Throws<InvalidOptionsException>(() => PipelineStage.Create(pipeline!, stage)).Failures);

    [Fact]
    public void Names_and_options_are_judged_together()
    {
        var options = new StageOptions { Retry = null!, CircuitBreaker = null!, Concurrency = null!, ErrorClassifier = null! };

        InvalidOptionsException thrown = Assert.Throws<InvalidOptionsException>(() => PipelineStage.Create(new string('a', 101), " ", options));

        Assert.Equal(6, thrown.Failures.Count);
    }

    [Fact]
    public void The_longest_name_is_accepted()
    {
        using PipelineStage stage = PipelineStage.Create(new string('a', 100), "Load_2.b-c");

        Assert.Equal("Load_2.b-c", stage.Name);
    }

    private sealed class HangingNotifier : IFailureNotifier
    {
        public async ValueTask NotifyAsync(FailureRecord failure, CancellationToken cancellationToken) => await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    private sealed class WaitingLog : ILoggerFactory, ILogger
    {
        public Func<bool>? Wait { get; set; }

        public List<bool> Waited { get; } = [];

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
            if (eventId.Name == "NotificationsDropped")
                Waited.Add(Wait!());
        }
    }
}
