using System.Threading.Channels;

namespace PipelineOps.Tests.Processing;

public sealed class PipelineRunTests : IDisposable
{
    private readonly ProcessingStage _processing = new(static options => options.Telemetry.DescribeOrigin<Message>(static message => new() { RunId = message.Run }));

    private PipelineStage Stage => _processing.Stage;

    private Pipeline Pipeline => Pipeline.Create(Stage);

    public void Dispose() => _processing.Dispose();

    [Fact]
    public async Task Negative_numbers_are_refused_and_count_nothing()
    {
        await using PipelineRun run = Pipeline.BeginRun();

        Assert.Throws<ArgumentOutOfRangeException>(() => run.AddRead(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => run.AddRead(1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => run.AddProcessed(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => run.AddFailed(-1));

        RunReport report = run.GetReport();
        Assert.Equal((0, 0, 0, 0), (report.RecordsRead, report.Bytes, report.RecordsProcessed, report.RecordsFailed));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void An_empty_id_is_refused(string id)
    {
        Assert.Throws<ArgumentException>(() => Pipeline.BeginRun(id));
        Assert.Null(PipelineRun.Current);
    }

    [Fact]
    public async Task What_is_added_after_the_end_is_still_counted()
    {
        await using PipelineRun run = Pipeline.BeginRun();
        run.AddRead(1);
        run.Complete();

        run.AddProcessed(1);

        Assert.Equal((1, 1), (run.GetReport().RecordsRead, run.GetReport().RecordsProcessed));
    }

    [Fact]
    public async Task The_report_of_a_run_grows_until_its_end()
    {
        DateTimeOffset start = _processing.Time.GetUtcNow();
        await using PipelineRun run = Pipeline.BeginRun("17");
        _processing.Time.Advance(TimeSpan.FromSeconds(3));
        RunReport running = run.GetReport();
        byte[] garbage = new byte[1_000_000];
        run.AddRead(10, bytes: 4_000);
        run.AddProcessed(7);
        run.AddFailed(1);
        await Stage.ProcessAllAsync(Source(5), static (number, _) => number == 2 ? throw new FormatException() : default(ValueTask), new RecordRunOptions<int> { Filter = static number => number != 4 }, ProcessingStage.Token);
        _processing.Time.Advance(TimeSpan.FromSeconds(4));
        var error = new IOException();
        run.Fail(error);
        RunReport ended = run.GetReport();
        _processing.Time.Advance(TimeSpan.FromSeconds(5));
        GC.KeepAlive(garbage);

        Assert.Equal(
            ("17", "orders", RunStatus.Running, start, TimeSpan.FromSeconds(3), 0L, null),
            (running.RunId, running.Pipeline, running.Status, running.StartedAt, running.Duration, running.RecordsRead, running.Error));
        Assert.Equal(
            ("17", "orders", RunStatus.Failed, start, TimeSpan.FromSeconds(7), error),
            (ended.RunId, ended.Pipeline, ended.Status, ended.StartedAt, ended.Duration, ended.Error));
        Assert.Equal((15L, 11L, 2L, 4_000L), (ended.RecordsRead, ended.RecordsProcessed, ended.RecordsFailed, ended.Bytes));
        Assert.InRange(ended.AllocatedBytes, 1_000_000, long.MaxValue);
        Assert.True(ended.ProcessorTime >= running.ProcessorTime && running.ProcessorTime >= TimeSpan.Zero);
        Assert.Equal(ended, run.GetReport());
        Assert.Equal(TimeSpan.FromSeconds(7), run.Duration);
        Assert.Equal(RunStatus.Running, running.Status);
    }

    [Fact]
    public async Task What_many_threads_count_is_all_counted()
    {
        await using PipelineRun run = Pipeline.BeginRun();
        Parallel.For(0, 32, new ParallelOptions { MaxDegreeOfParallelism = 32 }, _ =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                run.AddRead(3, bytes: 10);
                run.AddProcessed(2);
                run.AddFailed(1);
                RunReport report = run.GetReport();
                Assert.True(report.RecordsProcessed + report.RecordsFailed <= report.RecordsRead);
            }
        });

        RunReport ended = run.GetReport();
        Assert.Equal((96_000, 320_000, 64_000, 32_000), (ended.RecordsRead, ended.Bytes, ended.RecordsProcessed, ended.RecordsFailed));
    }

    [Fact]
    public async Task A_call_over_a_source_belongs_to_the_current_run()
    {
        await using PipelineRun run = Pipeline.BeginRun();

        RunSummary summary = await Stage.ProcessAllAsync(Source(3), static (_, _) => ValueTask.FromException(new FormatException()), cancellationToken: ProcessingStage.Token);

        Assert.Equal((run.Id, 3L), (summary.RunId, run.Accounting.Quarantined));
        Assert.All(_processing.Store.Kept, kept => Assert.Equal(run.Id, kept.Run));
    }

    [Fact]
    public async Task The_run_that_the_options_name_comes_before_the_current_one()
    {
        await using PipelineRun current = Pipeline.BeginRun();
        var named = new PipelineRun("named");

        RunSummary summary = await Stage.ProcessAllAsync(Source(3), static (_, _) => default(ValueTask), new RecordRunOptions<int> { Run = named }, ProcessingStage.Token);

        Assert.Equal(("named", 3L, 0L), (summary.RunId, named.Accounting.Succeeded, current.Accounting.Read));
        Assert.Same(current, PipelineRun.Current);
    }

    [Fact]
    public async Task A_call_that_outlives_the_current_run_has_one_of_its_own()
    {
        await using PipelineRun run = Pipeline.BeginRun();
        run.Complete();

        RunSummary summary = await Stage.ProcessAllAsync(Source(3), static (_, _) => default(ValueTask), cancellationToken: ProcessingStage.Token);

        Assert.NotEqual(run.Id, summary.RunId);
        Assert.Equal(0, run.Accounting.Read);
    }

    [Fact]
    public async Task Failures_have_the_runs_id_across_tasks_that_share_it()
    {
        Channel<int> channel = Channel.CreateBounded<int>(1);
        Channel<PipelineRun> begun = Channel.CreateUnbounded<PipelineRun>();
        Task<RunSummary> consumer = Task.Run(
            async () =>
            {
                PipelineRun shared = await begun.Reader.ReadAsync(ProcessingStage.Token);
                return await Stage.ProcessAllAsync(
                    channel.Reader,
                    static async (_, _) =>
                    {
                        await Task.Yield();
                        throw new FormatException();
                    },
                    new RecordRunOptions<int> { Run = shared, MaxParallelism = 2 },
                    ProcessingStage.Token);
            },
            ProcessingStage.Token);

        await using PipelineRun run = Pipeline.BeginRun();
        await begun.Writer.WriteAsync(run, ProcessingStage.Token);
        for (int i = 0; i < 5; i++)
            await channel.Writer.WriteAsync(i, ProcessingStage.Token);
        channel.Writer.Complete();
        await consumer;
        await Task.Yield();
        await _processing.Fail(new FormatException());

        Assert.Equal(6, _processing.Store.Kept.Count);
        Assert.All(_processing.Store.Kept, kept => Assert.Equal(run.Id, kept.Run));
    }

    [Fact]
    public async Task A_failure_keeps_the_run_that_produced_its_record()
    {
        await using PipelineRun run = Pipeline.BeginRun();
        foreach (Message message in new[] { new Message("producer"), new Message(null) })
            await Stage.ProcessAsync(message, static (_, _) => ValueTask.FromException(new FormatException()), ProcessingStage.Token);
        await Stage.ProcessBatchAsync(
            [new Message("other"), new Message("good")],
            static (messages, _) => messages.Any(static message => message.Run == "other") ? ValueTask.FromException(new FormatException()) : default,
            BatchEffect.Atomic,
            ProcessingStage.Token);

        Assert.Equal(["producer", run.Id, "other"], _processing.Store.Kept.Select(static kept => kept.Run));
    }

    private static ChannelReader<int> Source(int records)
    {
        Channel<int> channel = Channel.CreateUnbounded<int>();
        for (int i = 0; i < records; i++)
            channel.Writer.TryWrite(i);

        channel.Writer.Complete();
        return channel.Reader;
    }

    private sealed record Message(string? Run);
}
