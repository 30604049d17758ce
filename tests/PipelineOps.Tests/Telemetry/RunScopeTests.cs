using System.Threading.Channels;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

public sealed class RunScopeTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly ScopedLog _log = new();
    private readonly PipelineStage _stage;
    private readonly Pipeline _pipeline;

    public RunScopeTests()
    {
        _stage = TestStage.Create(_time, options => options.LoggerFactory = _log.Loggers);
        _pipeline = Pipeline.Create(_stage);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stage.Dispose();
        _log.Dispose();
    }

    [Fact]
    public async Task What_is_logged_in_a_run_has_its_id_until_the_run_is_disposed()
    {
        await using (PipelineRun run = _pipeline.BeginRun("17"))
        {
            await Task.Yield();
            Assert.Equal(["Pipeline:orders Run:17"], _log.ScopesHere());
            Assert.Equal(["Pipeline:orders Run:17"], await Task.Run(_log.ScopesHere, Ct));
            run.Complete();
            Assert.Equal(["Pipeline:orders Run:17"], _log.ScopesHere());
        }

        Assert.Empty(_log.ScopesHere());
        Assert.Equal(["Pipeline:orders Run:17"], Assert.Single(_log.Lines).Scopes);
        Assert.Null(PipelineRun.Current);
    }

    [Fact]
    public async Task A_worker_that_enters_a_run_logs_in_its_scope_once()
    {
        Channel<PipelineRun> work = Channel.CreateUnbounded<PipelineRun>();
        Task<string[][]> worker = Task.Run(
            async () =>
            {
                PipelineRun run = await work.Reader.ReadAsync(Ct);
                string[] before = _log.ScopesHere();
                string[] within;
                using (run.Enter())
                {
                    using (run.Enter())
                        await Task.Yield();

                    within = _log.ScopesHere();
                }

                return new[] { before, within, _log.ScopesHere() };
            },
            Ct);

        await using PipelineRun run = _pipeline.BeginRun("17");
        await work.Writer.WriteAsync(run, Ct);

        Assert.Equal([[], ["Pipeline:orders Run:17"], []], await worker);
    }

    [Fact]
    public async Task Handlers_log_in_the_scope_of_the_calls_run_once()
    {
        List<string[]> scopes = [];
        ValueTask Handle(int record, CancellationToken token)
        {
            scopes.Add(_log.ScopesHere());
            return default;
        }

        RunSummary own = await _stage.ProcessAllAsync(Source(), Handle, cancellationToken: Ct);
        await _stage.ProcessAllAsync(Source(), Handle, new() { Run = new PipelineRun("given") }, Ct);
        await using (_pipeline.BeginRun("current"))
            await _stage.ProcessAllAsync(Source(), Handle, cancellationToken: Ct);

        Assert.Equal([[$"Pipeline:orders Run:{own.RunId}"], ["Pipeline:orders Run:given"], ["Pipeline:orders Run:current"]], scopes);
        Assert.Empty(_log.ScopesHere());
    }

    [Fact]
    public async Task A_run_within_a_run_is_current_until_it_is_disposed()
    {
        await using PipelineRun outer = _pipeline.BeginRun("outer");
        await using (PipelineRun inner = _pipeline.BeginRun("inner"))
        {
            Assert.Same(inner, PipelineRun.Current);
            Assert.Equal(["Pipeline:orders Run:outer", "Pipeline:orders Run:inner"], _log.ScopesHere());
        }

        Assert.Same(outer, PipelineRun.Current);
        Assert.Equal(["Pipeline:orders Run:outer"], _log.ScopesHere());
    }

    [Fact]
    public async Task Runs_in_parallel_flows_do_not_see_each_other()
    {
        using var all = new Barrier(16);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Factory.StartNew(
            async () =>
            {
                await using PipelineRun run = _pipeline.BeginRun($"{i}");
                all.SignalAndWait(Ct);
                for (int turn = 0; turn < 20; turn++)
                {
                    await Task.Yield();
                    Assert.Same(run, PipelineRun.Current);
                    Assert.Equal([$"Pipeline:orders Run:{i}"], _log.ScopesHere());
                }
            },
            Ct,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).Unwrap()));

        Assert.Null(PipelineRun.Current);
    }

    [Fact]
    public async Task A_run_that_another_flow_disposes_leaves_that_flow_as_it_is()
    {
        await using PipelineRun mine = _pipeline.BeginRun("mine");
        PipelineRun other = await Task.Run(() => _pipeline.BeginRun("other"), Ct);

        await other.DisposeAsync();

        Assert.Equal(RunStatus.Abandoned, other.Status);
        Assert.Same(mine, PipelineRun.Current);
        Assert.Equal(["Pipeline:orders Run:mine"], _log.ScopesHere());
    }

    [Fact]
    public async Task A_run_that_a_flow_within_disposes_is_not_current_any_more_once_its_own_flow_disposes_too()
    {
        await using PipelineRun outer = _pipeline.BeginRun("outer");
        await using (PipelineRun run = _pipeline.BeginRun("inner"))
        {
            await Task.Run(async () =>
            {
                await run.DisposeAsync();
                Assert.Same(outer, PipelineRun.Current);
            }, Ct);
            Assert.Same(run, PipelineRun.Current);
        }

        Assert.Same(outer, PipelineRun.Current);
    }

    [Fact]
    public async Task Leaving_a_run_in_a_flow_within_and_then_in_its_own_leaves_both()
    {
        var run = new PipelineRun();
        using (IDisposable entered = run.Enter())
            await Task.Run(entered.Dispose, Ct);

        Assert.Null(PipelineRun.Current);
    }

    [Fact]
    public void Leaving_a_run_twice_leaves_the_run_that_was_entered_meanwhile()
    {
        var next = new PipelineRun();
        IDisposable entered = new PipelineRun().Enter();
        entered.Dispose();
        using IDisposable other = next.Enter();

        entered.Dispose();

        Assert.Same(next, PipelineRun.Current);
    }

    private static ChannelReader<int> Source()
    {
        Channel<int> channel = Channel.CreateUnbounded<int>();
        channel.Writer.TryWrite(1);
        channel.Writer.Complete();
        return channel.Reader;
    }
}
