using PipelineOps.Tests.Processing;

namespace PipelineOps.Tests.Telemetry;

public sealed class LogExceptionTests : IDisposable
{
    private readonly ScopedLog _log = new();

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task Of_a_record_that_fails_for_good_each_exception_is_with_one_line()
    {
        Exception[] errors = [new IOException("first"), new IOException("second")];
        int attempt = 0;
        using ProcessingStage stage = Stage(static o => o.Retry.MaxRetries = 1);

        await stage.Process("record", (_, _) => ValueTask.FromException(errors[attempt++]));

        Assert.Equal([("Retry", errors[0]), ("RetriesExhausted", errors[1]), ("RecordKept", null)], Exceptions());
    }

    [Fact]
    public async Task An_exception_that_each_attempt_throws_again_is_with_the_first_line()
    {
        var error = new IOException();
        using ProcessingStage stage = Stage(static o => o.Retry.MaxRetries = 2);

        await stage.Fail(error);

        Assert.Equal([("Retry", error), ("Retry", null), ("RetriesExhausted", null), ("RecordKept", null)], Exceptions());
    }

    [Fact]
    public async Task An_error_that_is_not_retried_is_with_the_line_of_its_record()
    {
        var error = new FormatException();
        using ProcessingStage stage = Stage(static _ => { });

        await stage.Fail(error);

        Assert.Equal([("RecordKept", error)], Exceptions());
    }

    [Fact]
    public async Task An_exception_whose_line_was_left_out_is_with_the_next_one()
    {
        var error = new IOException();
        using ProcessingStage stage = Stage(static o =>
        {
            o.Telemetry.LogBurst = 1;
            o.Retry.MaxRetries = 1;
        });
        await stage.Stage.TryExecuteAsync(static _ => ValueTask.FromException<int>(new IOException()), ProcessingStage.Token);

        await stage.Fail(error);

        Assert.Equal(("RecordKept", error), Exceptions()[^1]);
        Assert.Equal(3, _log.Lines.Count);
    }

    [Fact]
    public async Task A_recovery_that_throws_the_error_that_it_was_given_does_not_have_it_written_twice()
    {
        var error = new FormatException();
        using ProcessingStage stage = Stage(static o => o.Recovery.Use(RecoveryStrategy.Quarantine, new Rethrowing()));

        await stage.Fail(error);

        Assert.Equal([("CallbackFailed", error), ("RecordKept", null)], Exceptions());
        Assert.Contains("threw System.FormatException", _log.Lines.First().Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Records_of_a_batch_that_failed_as_one_share_the_line_with_the_exception()
    {
        var error = new FormatException();
        using ProcessingStage stage = Stage(static _ => { });

        Func<IReadOnlyList<string>, CancellationToken, ValueTask> handler = (_, _) => ValueTask.FromException(error);
        await stage.Stage.ProcessBatchAsync(["a", "b", "c"], handler, cancellationToken: ProcessingStage.Token);

        Assert.Equal([("RecordKept", error), ("RecordKept", null), ("RecordKept", null)], Exceptions());
    }

    [Fact]
    public async Task An_exception_that_goes_through_several_stages_is_with_the_line_of_the_innermost()
    {
        var error = new IOException();
        using ProcessingStage inner = Stage(static o => o.Retry.MaxRetries = 1);
        using ProcessingStage outer = Stage(static _ => { });

        await outer.Process("record", (_, token) => inner.Stage.ExecuteAsync(_ => ValueTask.FromException(error), token));

        Assert.Equal(("Retry", error), Exceptions()[0]);
        Assert.All(Exceptions()[1..], static line => Assert.Null(line.Item2));
        Assert.Equal("RecordKept", Exceptions()[^1].Item1);
    }

    [Fact]
    public async Task Stages_with_different_logs_write_an_exception_once_each()
    {
        var error = new FormatException();
        using var other = new ScopedLog();
        using ProcessingStage stage = Stage(static _ => { });
        using ProcessingStage elsewhere = Stage(o => o.LoggerFactory = other.Loggers);

        await stage.Fail(error);
        await elsewhere.Fail(error);

        Assert.Same(error, Assert.Single(_log.Lines).Exception);
        Assert.Same(error, Assert.Single(other.Lines).Exception);
    }

    private (string?, Exception?)[] Exceptions() => [.. _log.Lines.Select(static line => (line.Id.Name, line.Exception))];

    private ProcessingStage Stage(Action<StageOptions> configure) => new(o =>
    {
        o.LoggerFactory = _log.Loggers;
        configure(o);
    });

    private sealed class Rethrowing : IRecovery
    {
        public ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken) => throw context.Error!;
    }
}
