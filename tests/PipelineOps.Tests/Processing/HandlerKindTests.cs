using System.Threading.Channels;

namespace PipelineOps.Tests.Processing;

/// <summary>Every kind of handler binds without a cast, and does its work.</summary>
public sealed class HandlerKindTests
{
    private static readonly int[] Numbers = [1, 2, 3];

    [Fact]
    public async Task Handlers_of_single_records()
    {
        using var stage = new ProcessingStage();
        PipelineStage s = stage.Stage;
        CancellationToken ct = ProcessingStage.Token;

        Assert.True((await s.ProcessAsync(1, async (_, _) => await Task.Yield(), ct)).IsSuccess);
        Assert.True((await s.ProcessAsync(1, TaskOf, ct)).IsSuccess);
        Assert.True((await s.ProcessAsync(1, ValueTaskOf, ct)).IsSuccess);
        Assert.True((await s.ProcessAsync(1, (number, more, token) => TaskOf(number + more, token), 2, ct)).IsSuccess);
        Assert.True((await s.ProcessAsync(1, async (number, more, token) => await TaskOf(number + more, token), 2, ct)).IsSuccess);
        Assert.Equal(2, (await s.ProcessAsync(1, async (number, _) =>
        {
            await Task.Yield();
            return number + 1;
        }, ct)).Value);
        Assert.Equal(1, (await s.ProcessAsync(1, TaskOfNumber, ct)).Value);
        Assert.Equal(3, (await s.ProcessAsync(1, (number, more, token) => TaskOfNumber(number + more, token), 2, ct)).Value);
        Assert.Equal(4, (await s.ProcessAsync(1, (number, more, attempt, _) => new ValueTask<int>(number + more + attempt.Number), 2, ct)).Value);
        Assert.Equal(9, s.Accounting.Succeeded);
    }

    [Fact]
    public async Task Handlers_of_batches()
    {
        using var stage = new ProcessingStage();
        PipelineStage s = stage.Stage;
        CancellationToken ct = ProcessingStage.Token;

        Assert.True((await s.ProcessBatchAsync(Numbers, async (_, _) => await Task.Yield(), cancellationToken: ct)).IsSuccess);
        Assert.True((await s.ProcessBatchAsync(Numbers, TaskOfMany, BatchEffect.Atomic, ct)).IsSuccess);
        Assert.True((await s.ProcessBatchAsync(Numbers, (numbers, _, token) => TaskOfMany(numbers, token), "state", BatchEffect.Atomic, ct)).IsSuccess);
        Assert.True((await s.ProcessBatchAsync(Numbers, static (_, _, attempt, _) => new ValueTask(Task.FromResult(attempt.Number)), "state", cancellationToken: ct)).IsSuccess);
        Assert.True((await s.ProcessBatchAsync(Numbers, Reporting, cancellationToken: ct)).IsSuccess);
        Assert.Equal(15, s.Accounting.Succeeded);
    }

    [Fact]
    public async Task Handlers_of_sources()
    {
        using var stage = new ProcessingStage();
        PipelineStage s = stage.Stage;
        CancellationToken ct = ProcessingStage.Token;
        var batches = new BatchRunOptions<int> { BatchSize = 2 };

        RunSummary[] runs =
        [
            await s.ProcessAllAsync(Sequence(), TaskOf, cancellationToken: ct),
            await s.ProcessAllAsync(Sequence(), ValueTaskOf, cancellationToken: ct),
            await s.ProcessAllAsync(Sequence(), async (_, _) => await Task.Yield(), cancellationToken: ct),
            await s.ProcessAllAsync(Sequence(), static (_, _) => new ValueTask<RecordOutcome>(RecordOutcome.Succeeded), cancellationToken: ct),
            await s.ProcessAllAsync(Sequence(), TaskOfMany, batches, ct),
            await s.ProcessAllAsync(Sequence(), async (IReadOnlyList<int> numbers, CancellationToken token) => await TaskOfMany(numbers, token), batches, ct),
            await s.ProcessAllAsync(
                Sequence(),
                static (_, report, _) =>
                {
                    report.OthersSucceeded();
                    return default;
                },
                batches,
                ct),
            await s.ProcessAllAsync(Filled(), TaskOf, cancellationToken: ct),
            await s.ProcessAllAsync(Filled(), ValueTaskOf, cancellationToken: ct),
            await s.ProcessAllAsync(Filled(), TaskOfMany, batches, ct),
        ];

        Assert.All(runs, run => Assert.Equal((RunOutcome.Completed, 3L), (run.Outcome, run.Accounting.Succeeded)));
    }

    [Fact]
    public async Task A_handler_that_is_missing_is_named()
    {
        using var stage = new ProcessingStage();
        PipelineStage s = stage.Stage;
        CancellationToken ct = ProcessingStage.Token;

        Assert.Equal("handler", (await Assert.ThrowsAsync<ArgumentNullException>(async () => await s.ProcessAsync(1, (Func<int, CancellationToken, ValueTask>)null!, ct))).ParamName);
        Assert.Equal("handler", (await Assert.ThrowsAsync<ArgumentNullException>(async () => await s.ProcessAsync(1, (Func<int, CancellationToken, Task>)null!, ct))).ParamName);
        Assert.Equal("records", (await Assert.ThrowsAsync<ArgumentNullException>(async () => await s.ProcessBatchAsync((int[])null!, TaskOfMany, cancellationToken: ct))).ParamName);
    }

    private static Task TaskOf(int number, CancellationToken token) => Task.Delay(0, token);

    private static ValueTask ValueTaskOf(int number, CancellationToken token) => default;

    private static Task<int> TaskOfNumber(int number, CancellationToken token) => Task.FromResult(number);

    private static Task TaskOfMany(IReadOnlyList<int> numbers, CancellationToken token) => Task.Delay(0, token);

    private static Task Reporting(IReadOnlyList<int> numbers, BatchReport report, CancellationToken token)
    {
        report.OthersSucceeded();
        return Task.CompletedTask;
    }

    private static async IAsyncEnumerable<int> Sequence()
    {
        foreach (int number in Numbers)
        {
            await Task.Yield();
            yield return number;
        }
    }

    private static ChannelReader<int> Filled()
    {
        var channel = Channel.CreateUnbounded<int>();
        foreach (int number in Numbers)
            channel.Writer.TryWrite(number);
        channel.Writer.Complete();
        return channel.Reader;
    }
}
