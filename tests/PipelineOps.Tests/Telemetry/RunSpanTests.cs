using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

[Collection(nameof(Alone))]
public sealed class RunSpanTests : IDisposable
{
    private readonly SpanProbe _probe = new();

    private ConcurrentQueue<Activity> Spans => _probe.Spans;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _probe.Dispose();

    [Fact]
    public async Task The_spans_of_a_run_have_its_id_across_tasks_that_share_it()
    {
        using PipelineStage extract = Stage("extract");
        using PipelineStage load = Stage("load");
        Channel<int> channel = Channel.CreateBounded<int>(1);
        Channel<PipelineRun> begun = Channel.CreateUnbounded<PipelineRun>();
        Task<RunSummary> consumer = Task.Run(
            async () =>
            {
                PipelineRun run = await begun.Reader.ReadAsync(Ct);
                return await load.ProcessAllAsync(channel.Reader, static (_, _) => default(ValueTask), new RecordRunOptions<int> { Run = run }, Ct);
            },
            Ct);

        await using PipelineRun run = Pipeline.Create(extract, load).BeginRun("17");
        await begun.Writer.WriteAsync(run, Ct);
        for (int i = 0; i < 3; i++)
            await extract.ExecuteAsync(async ct => await channel.Writer.WriteAsync(i, ct), Ct);
        channel.Writer.Complete();
        await consumer;

        Assert.Equal(6, Spans.Count);
        Assert.All(Spans, static span => Assert.Equal("17", span.GetTagItem("pipelineops.run.id")));
    }

    private static PipelineStage Stage(string name) => PipelineStage.Create("orders", name, TestStage.Options(new ManualTimeProvider()));
}
