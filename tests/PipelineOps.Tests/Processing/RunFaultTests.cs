using System.Runtime.CompilerServices;
using System.Threading.Channels;
using PipelineOps.Tests.Recovery.Strategies;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Processing;

/// <summary>Runs whose source, token or circuit misbehaves.</summary>
public sealed class RunFaultTests
{
    [Fact]
    public async Task A_run_cancelled_while_a_recovery_tries_a_record_again_is_stopped_and_not_failed()
    {
        using var stop = new CancellationTokenSource();
        using var stage = new ProcessingStage(options => options.Recovery.Use(RecoveryStrategy.Quarantine, new TestRecovery(async (context, token) =>
        {
            await stop.CancelAsync();
            await context.TryAgainAsync(context.Record, token);
            return RecoveryOutcome.Escalate;
        })));

        RunSummary summary = await stage.Stage.ProcessAllAsync<int>(Numbers(1), Fail, cancellationToken: stop.Token);

        Assert.Equal((RunOutcome.Stopped, 1L), (summary.Outcome, summary.Accounting.Returned));
    }

    [Fact]
    public async Task Records_that_a_report_says_were_cancelled_are_given_back_and_do_not_fail_the_run()
    {
        using var stage = new ProcessingStage();
        using var stop = new CancellationTokenSource();

        RunSummary summary = await stage.Stage.ProcessAllAsync(
            Numbers(10),
            (records, report, token) =>
            {
                stop.Cancel();
                for (int i = 0; i < records.Count; i++)
                    report.Failed(i, new OperationCanceledException(token));
                return default;
            },
            new BatchRunOptions<int> { BatchSize = 10 },
            stop.Token);

        Assert.Equal((RunOutcome.Stopped, 10L), (summary.Outcome, summary.Accounting.Returned));
    }

    [Fact]
    public async Task A_handler_may_keep_the_list_of_a_batch_of_one()
    {
        using var stage = new ProcessingStage();
        List<IReadOnlyList<int>> batches = [];

        await stage.Stage.ProcessAllAsync(
            Numbers(3),
            (IReadOnlyList<int> records, CancellationToken _) =>
            {
                batches.Add(records);
                return default;
            },
            new BatchRunOptions<int> { BatchSize = 1 },
            ProcessingStage.Token);

        Assert.Equal([[0], [1], [2]], batches);
    }

    [Fact]
    public async Task A_source_whose_reaction_to_the_stop_throws_neither_hangs_a_failed_run_nor_hides_why_it_failed()
    {
        using var stage = new ProcessingStage();
        var behindIsWaiting = new TaskCompletionSource();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => stage.Stage.ProcessAllAsync(
            Touchy(ProcessingStage.Token),
            async (number, _) =>
            {
                if (number == 1)
                    behindIsWaiting.SetResult();
                else
                    await behindIsWaiting.Task;
            },
            new RecordRunOptions<int> { MaxParallelism = 2, Ordered = true, Acknowledge = static (_, _) => throw new IOException("no commit") },
            ProcessingStage.Token).WaitAsync(TimeSpan.FromSeconds(10), ProcessingStage.Token));

        Assert.Contains("no commit", exception.Message, StringComparison.Ordinal);
        Assert.Equal((2L, 0L), (exception.Summary.Accounting.Succeeded, exception.Summary.Accounting.InFlight));

        static async IAsyncEnumerable<int> Touchy([EnumeratorCancellation] CancellationToken stop = default)
        {
            using CancellationTokenRegistration registration = stop.UnsafeRegister(static _ => throw new InvalidOperationException("closed already"), null);
            for (int i = 0; i < 2; i++)
                yield return i;

            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
    }

    [Fact]
    public async Task What_a_batch_has_read_when_its_source_throws_is_processed_first()
    {
        using var stage = new ProcessingStage();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => stage.Stage.ProcessAllAsync(
            new BreakingReader(3),
            static (IReadOnlyList<int> _, CancellationToken _) => default,
            new BatchRunOptions<int> { BatchSize = 5 },
            ProcessingStage.Token));

        Assert.Equal((3L, 3L), (exception.Summary.Accounting.Read, exception.Summary.Accounting.Succeeded));
        Assert.Contains("the source threw IOException: the cable is out", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_cannot_be_opened_fails_the_run_with_its_summary()
    {
        using var stage = new ProcessingStage();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(
            () => stage.Stage.ProcessAllAsync(new ClosedSource(), Succeed, cancellationToken: ProcessingStage.Token));

        Assert.Contains("the source threw IOException: no such queue", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, exception.Summary.Accounting.Read);
    }

    [Fact]
    public async Task An_exception_whose_message_throws_fails_the_run_as_any_other()
    {
        using var stage = new ProcessingStage();
        Channel<int> channel = Channel.CreateUnbounded<int>();
        channel.Writer.TryWrite(1);
        var options = new RecordRunOptions<int> { MaxParallelism = 2, Filter = static _ => throw new MuteException() };

        RunFailedException failure = await Assert.ThrowsAsync<RunFailedException>(
            () => stage.Stage.ProcessAllAsync(channel.Reader, Succeed, options, ProcessingStage.Token).WaitAsync(TimeSpan.FromSeconds(20), ProcessingStage.Token));

        Assert.IsType<MuteException>(failure.InnerException);
        Assert.Equal((1, 0), (failure.Summary.Accounting.Returned, failure.Summary.Accounting.InFlight));
    }

    [Fact]
    public async Task A_record_that_is_not_to_be_tried_again_for_years_is_held_and_does_not_fail_the_run()
    {
        using var stop = new CancellationTokenSource();
        using var stage = new ProcessingStage(options => options.Recovery.Use(
            RecoveryStrategy.Quarantine, new TestRecovery(RecoveryOutcome.Return(DispositionReason.Systemic, NextAction.RetryAt(DateTimeOffset.MaxValue)))));

        Task<RunSummary> running = stage.Stage.ProcessAllAsync<int>(Numbers(1), Fail, cancellationToken: stop.Token);
        await Waiting.Until(() => running.IsCompleted || stage.Time.ActiveTimers == 1);
        await stop.CancelAsync();

        Assert.Equal((RunOutcome.Stopped, 1L), ((await running).Outcome, (await running).Accounting.Returned));
    }

    [Fact]
    public async Task A_run_that_has_failed_does_not_wait_for_the_circuit_to_process_what_it_holds()
    {
        using var stage = new ProcessingStage(options => options.CircuitBreaker.Enabled = true);
        using var otherIsHandled = new ManualResetEventSlim();
        var go = new TaskCompletionSource();
        Task<RunSummary> running = stage.Stage.ProcessAllAsync(
            Numbers(2),
            async (number, _) =>
            {
                otherIsHandled.Set();
                await go.Task;
            },
            new RecordRunOptions<int>
            {
                MaxParallelism = 2,
                Filter = number =>
                {
                    if (number == 0)
                    {
                        otherIsHandled.Wait(ProcessingStage.Token);
                        stage.Stage.Circuit!.Isolate();
                    }

                    return true;
                },
                Acknowledge = static (number, _) => throw new IOException($"no commit of {number}"),
            },
            ProcessingStage.Token);
        await Waiting.Until(() => stage.Stage.Accounting.Returned == 1);
        go.SetResult();

        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => running.WaitAsync(TimeSpan.FromSeconds(10), ProcessingStage.Token));

        Assert.Contains("no commit of 1", exception.Message, StringComparison.Ordinal);
        Assert.Equal((1L, 1L, 0L), (exception.Summary.Accounting.Succeeded, exception.Summary.Accounting.Returned, exception.Summary.Accounting.InFlight));
    }

    [Fact]
    public async Task A_run_that_waits_for_an_isolated_circuit_goes_on_when_the_stage_is_reconfigured_to_have_none()
    {
        using var stage = new ProcessingStage(options => options.CircuitBreaker.Enabled = true);
        stage.Stage.Circuit!.Isolate();
        Task<RunSummary> running = stage.Stage.ProcessAllAsync(Numbers(3), Succeed, cancellationToken: ProcessingStage.Token);

        // Nothing tells that the other thread waits by now; if it does not yet, there is nothing to go wrong.
        await Task.Delay(50, ProcessingStage.Token);
        stage.Stage.Reconfigure(TestStage.Options(stage.Time, options => options.Recovery.FailureStore = stage.Store));

        Assert.Equal(3, (await running.WaitAsync(TimeSpan.FromSeconds(10), ProcessingStage.Token)).Accounting.Succeeded);
    }

    [Fact]
    public async Task Options_changed_during_a_run_do_not_reach_it()
    {
        using var stage = new ProcessingStage();
        List<int> acknowledged = [];
        var options = new RecordRunOptions<int>
        {
            Acknowledge = (number, _) =>
            {
                acknowledged.Add(number);
                return default;
            },
        };

        await stage.Stage.ProcessAllAsync(
            Numbers(4),
            (number, _) =>
            {
                if (number == 1)
                    (options.Acknowledge, options.Filter, options.Ordered) = (null, static _ => false, true);
                return ValueTask.CompletedTask;
            },
            options,
            ProcessingStage.Token);

        Assert.Equal([0, 1, 2, 3], acknowledged);
    }

    private static ValueTask Fail(int number, CancellationToken token) => throw new FormatException();

    private static ValueTask Succeed(int number, CancellationToken token) => default;

    private static async IAsyncEnumerable<int> Numbers(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            yield return i;
        }
    }

    private sealed class BreakingReader(int count) : ChannelReader<int>
    {
        private int _next;

        public override bool TryRead(out int item) => (item = _next++) < count ? true : throw new IOException("the cable is out");

        public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) => new(true);
    }

    private sealed class MuteException : Exception
    {
        public override string Message => throw new InvalidOperationException("message");
    }

    private sealed class ClosedSource : IAsyncEnumerable<int>
    {
        public IAsyncEnumerator<int> GetAsyncEnumerator(CancellationToken cancellationToken = default) => throw new IOException("no such queue");
    }
}
