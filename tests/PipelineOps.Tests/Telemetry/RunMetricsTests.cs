using System.Diagnostics.Metrics;
using System.Threading.Channels;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

public sealed class RunMetricsTests : IDisposable
{
    private const string Runs = "pipelineops.runs";
    private const string Active = "pipelineops.runs.active";
    private const string Duration = "pipelineops.run.duration";

    private static readonly string[] Pipelines = ["orders", "invoices", "returns"];
    private static readonly RunStatus[] Ends = [RunStatus.Succeeded, RunStatus.Failed, RunStatus.Abandoned];

    private readonly ManualTimeProvider _time = new();
    private readonly MeterProbe _meter = new MeterProbe().Listen();
    private readonly ScopedLog _log = new();
    private readonly PipelineStage _stage;
    private readonly Pipeline _pipeline;

    public RunMetricsTests()
    {
        _stage = Stage(_log.Loggers);
        _pipeline = Pipeline.Create(_stage);
    }

    private enum Step
    {
        Begin,
        Complete,
        Fail,
        Dispose,
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stage.Dispose();
        _meter.Dispose();
        _log.Dispose();
    }

    [Fact]
    public async Task A_run_that_nobody_completes_is_abandoned()
    {
        await using (_pipeline.BeginRun())
            _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal([0, 0, 1], Ended());
        Assert.Equal([new(Duration, 5, "pipeline=orders,status=abandoned")], _meter.Of(Duration));
        ScopedLine line = Assert.Single(_log.Lines);
        Assert.Equal((LogLevel.Warning, 11, "RunEnded"), (line.Level, line.Id.Id, line.Id.Name));
    }

    [Fact]
    public async Task A_run_that_fails_is_told_with_its_error()
    {
        var error = new IOException();
        await using (PipelineRun run = _pipeline.BeginRun("17"))
            run.Fail(error);

        Assert.Equal([0, 1, 0], Ended());
        Assert.Equal("pipeline=orders,status=failed", Assert.Single(_meter.Of(Duration)).Tags);
        ScopedLine line = Assert.Single(_log.Lines);
        Assert.Equal((LogLevel.Error, error), (line.Level, line.Exception));
        Assert.StartsWith("Run 17 of pipeline orders: Failed after 00:00:00; read 0, processed 0, failed 0, 0 bytes; processor time ", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_completes_has_succeeded()
    {
        await using (PipelineRun run = _pipeline.BeginRun())
        {
            run.AddRead(5, bytes: 70);
            run.AddProcessed(3);
            run.AddFailed(2);
            _time.Advance(TimeSpan.FromSeconds(2));
            run.Complete();
        }

        Assert.Equal([1, 0, 0], Ended());
        Assert.Equal([new(Duration, 2, "pipeline=orders,status=succeeded")], _meter.Of(Duration));
        ScopedLine line = Assert.Single(_log.Lines);
        Assert.Equal(LogLevel.Information, line.Level);
        Assert.Contains("Succeeded after 00:00:02; read 5, processed 3, failed 2, 70 bytes;", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_ends_the_first_counts()
    {
        await using PipelineRun failed = _pipeline.BeginRun();
        failed.Fail();
        failed.Complete();
        PipelineRun completed = _pipeline.BeginRun();
        completed.Complete();
        _time.Advance(TimeSpan.FromSeconds(5));
        completed.Fail(new IOException());
        await completed.DisposeAsync();
        await completed.DisposeAsync();

        Assert.Equal((RunStatus.Failed, RunStatus.Succeeded, TimeSpan.Zero), (failed.Status, completed.Status, completed.Duration));
        Assert.Null(completed.GetReport().Error);
        Assert.Equal([1, 1, 0], Ended());
        Assert.Equal(2, _log.Lines.Count);
    }

    [Fact]
    public void A_run_that_many_threads_end_is_counted_once()
    {
        PipelineRun[] runs = [.. Enumerable.Range(0, 50).Select(_ => _pipeline.BeginRun())];
        Parallel.For(0, 32, new ParallelOptions { MaxDegreeOfParallelism = 32 }, thread =>
        {
            foreach (PipelineRun run in runs)
            {
                if (thread % 2 == 0)
                    run.Complete();
                else
                    run.Fail();
            }
        });

        Assert.Equal(50, Ended().Sum());
        Assert.Equal(0, ActiveRuns());
        Assert.Equal(50, _meter.Of(Duration).Count);
        Assert.Equal(50, _log.Lines.Count);
    }

    // However runs are begun and ended, and by whom.
    [Fact]
    public void Each_run_that_ended_is_counted_once_and_the_others_are_active()
    {
        Gen<(Step Step, int Run)[]> plans = Gen.Choose(0, 60).SelectMany(count =>
            (from step in Gen.Elements(Step.Begin, Step.Begin, Step.Complete, Step.Fail, Step.Dispose)
             from run in Gen.Choose(0, 9)
             select (step, run)).ArrayOf(count));

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(plans.ToArbitrary(), plan =>
        {
            // Given
            using MeterProbe meter = new MeterProbe().Listen();
            using PipelineStage stage = PipelineStage.Create("orders", "load", TestStage.Options(_time, options => options.MeterFactory = meter));
            Pipeline pipeline = Pipeline.Create(stage);
            List<PipelineRun> runs = [];
            List<RunStatus> expected = [];

            // When
            foreach ((Step step, int run) in plan)
            {
                if (step == Step.Begin)
                {
                    runs.Add(pipeline.BeginRun());
                    expected.Add(RunStatus.Running);
                }
                else if (runs.Count > 0)
                {
                    int i = run % runs.Count;
                    Do(step, runs[i]);
                    expected[i] = expected[i] == RunStatus.Running ? StatusOf(step) : expected[i];
                }
            }

            // Then
            Assert.Equal(expected, runs.Select(static run => run.Status));
            Assert.Equal(
                Ends.Select(status => (double)expected.Count(end => end == status)),
                meter.Observe(Runs).Select(static m => m.Value));
            Assert.Equal(expected.Count(static end => end == RunStatus.Running), meter.Observe(Active).Single().Value);
            Assert.Equal(expected.Count(static end => end != RunStatus.Running), meter.Of(Duration).Count);
            return true;
        }));
    }

    // Whichever threads end them at the same time.
    [Fact]
    public void Each_run_that_threads_race_to_end_ends_as_one_of_them_says()
    {
        Gen<(Step Step, int Run)[]> races = Gen.Choose(0, 40).SelectMany(count =>
            (from step in Gen.Elements(Step.Complete, Step.Fail, Step.Dispose)
             from run in Gen.Choose(0, 4)
             select (step, run)).ArrayOf(count));

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(100), Prop.ForAll(races.ToArbitrary(), race =>
        {
            // Given
            using MeterProbe meter = new MeterProbe().Listen();
            using PipelineStage stage = PipelineStage.Create("orders", "load", TestStage.Options(_time, options => options.MeterFactory = meter));
            Pipeline pipeline = Pipeline.Create(stage);
            PipelineRun[] runs = [.. Enumerable.Range(0, 5).Select(_ => pipeline.BeginRun())];

            // When
            Parallel.ForEach(race, new ParallelOptions { MaxDegreeOfParallelism = 8 }, step => Do(step.Step, runs[step.Run]));

            // Then
            ILookup<int, RunStatus> wanted = race.ToLookup(static step => step.Run, static step => StatusOf(step.Step));
            Assert.All(runs, (run, i) => Assert.Contains(run.Status, wanted.Contains(i) ? wanted[i] : [RunStatus.Running]));
            Assert.Equal(
                Ends.Select(status => (double)runs.Count(run => run.Status == status)),
                meter.Observe(Runs).Select(static m => m.Value));
            Assert.Equal(runs.Length - wanted.Count, meter.Observe(Active).Single().Value);
            return true;
        }));
    }

    [Fact]
    public async Task A_listener_that_throws_does_not_reach_the_run()
    {
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == _meter && instrument.Name == Duration)
                listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => throw new InvalidOperationException("the listener is full"));
        listener.Start();

        await using (PipelineRun run = _pipeline.BeginRun())
            run.Complete();

        Assert.Equal(["Pipeline orders: the meter listener threw; the pipeline goes on without it."], _log.Lines.Where(static line => line.Id.Id == 4).Select(static line => line.Message));
        Assert.Equal([1, 0, 0], Ended());
    }

    [Fact]
    public async Task A_log_that_throws_does_not_reach_the_run()
    {
        using var lines = new RecordingLoggers { Throws = true };
        using var opened = new ThrowingScopes(whenOpened: true);
        using var ended = new ThrowingScopes(whenOpened: false);
        foreach (ILoggerFactory log in new ILoggerFactory[] { lines, opened, ended })
        {
            using PipelineStage stage = Stage(log, "other");
            Pipeline pipeline = Pipeline.Create(stage);
            await using PipelineRun run = pipeline.BeginRun();
            Assert.Same(run, PipelineRun.Current);
            run.Complete();
        }

        Assert.Equal([3, 0, 0], Ended());
    }

    [Fact]
    public async Task Counts_start_at_zero_for_every_pipeline_that_there_is()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IMeterFactory>(_meter).AddPipelineOps()
            .AddPipeline("invoices", static invoices => invoices.AddStage("extract").AddStage("send"))
            .AddPipeline("returns", static returns => returns.AddStage("load"));
        await using ServiceProvider provider = services.BuildServiceProvider();
        provider.GetRequiredService<PipelineRegistry>();

        Assert.Equal(
            from pipeline in Pipelines
            from status in Ends
            select new Measured(Runs, 0, $"pipeline={pipeline},status={status}".ToLowerInvariant()),
            _meter.Observe(Runs));
        Assert.Equal(
            Pipelines.Select(static pipeline => new Measured(Active, 0, $"pipeline={pipeline}")),
            _meter.Observe(Active));
    }

    [Fact]
    public async Task Counts_are_the_pipelines_whoever_begins_its_runs()
    {
        using PipelineStage other = Stage(_log.Loggers, "other");
        await using PipelineRun one = Pipeline.Create(other).BeginRun();
        await using PipelineRun two = _pipeline.BeginRun();
        one.Complete();
        Assert.Equal(1, ActiveRuns());
        two.Complete();

        Assert.Equal([2, 0, 0], Ended());
    }

    [Fact]
    public async Task What_was_counted_of_runs_outlives_the_pipelines_stages()
    {
        await using (PipelineRun run = _pipeline.BeginRun())
            run.Complete();

        _stage.Dispose();

        Assert.Equal([1, 0, 0], Ended());
        Assert.Equal(0, ActiveRuns());
    }

    [Fact]
    public async Task A_run_that_belongs_to_no_pipeline_is_not_measured()
    {
        await using (var run = new PipelineRun("mine"))
        {
            run.Complete();
            Assert.Null(run.Pipeline);
            Assert.Equal((RunStatus.Succeeded, (string?)null), (run.GetReport().Status, run.GetReport().Pipeline));
        }

        Assert.Equal([0, 0, 0], Ended());
        Assert.Empty(_meter.Of(Duration));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task A_call_over_a_source_makes_a_run_of_its_own_that_fails_when_it_does()
    {
        RunFailedException exception = await Assert.ThrowsAsync<RunFailedException>(() => _stage.ProcessAllAsync(
            Source(3), static (_, _) => ValueTask.FromException(new UnauthorizedAccessException("no")), cancellationToken: Ct));

        Assert.Equal([0, 1, 0], Ended());
        ScopedLine line = Assert.Single(_log.Lines, static line => line.Id.Id == 11);
        Assert.Equal((LogLevel.Error, exception), (line.Level, line.Exception));
        Assert.StartsWith($"Run {exception.Summary.RunId} of pipeline orders: Failed", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_over_a_source_that_is_stopped_abandons_its_run()
    {
        using var stop = new CancellationTokenSource();
        await _stage.ProcessAllAsync(
            Source(3),
            (int _, CancellationToken _) =>
            {
                stop.Cancel();
                return default(ValueTask);
            },
            new RecordRunOptions<int> { StopReading = stop.Token },
            Ct);

        Assert.Equal([0, 0, 1], Ended());
    }

    [Fact]
    public async Task A_call_over_a_source_that_ends_completes_its_run()
    {
        double active = 0;
        await _stage.ProcessAllAsync(
            Source(3),
            (int record, CancellationToken _) =>
            {
                active = ActiveRuns();
                _time.Advance(TimeSpan.FromSeconds(1));
                return record == 1 ? throw new FormatException() : default(ValueTask);
            },
            cancellationToken: Ct);

        Assert.Equal(1, active);
        Assert.Equal(0, ActiveRuns());
        Assert.Equal([1, 0, 0], Ended());
        Assert.Equal([new(Duration, 3, "pipeline=orders,status=succeeded")], _meter.Of(Duration));
        Assert.Contains("Succeeded after 00:00:03; read 3, processed 2, failed 1, 0 bytes;", _log.Lines.Last().Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_run_that_calls_share_is_ended_by_who_began_it(bool isCurrent)
    {
        await using PipelineRun run = _pipeline.BeginRun();
        Task<RunSummary> Load() => _stage.ProcessAllAsync(Source(3), static (_, _) => default(ValueTask), new RecordRunOptions<int> { Run = isCurrent ? null : run }, Ct);
        RunSummary[] summaries = isCurrent ? [await Load(), await Load()] : [await WithoutFlow(Load), await WithoutFlow(Load)];
        await Assert.ThrowsAsync<RunFailedException>(() => _stage.ProcessAllAsync(
            Source(3), static (_, _) => ValueTask.FromException(new UnauthorizedAccessException()), new RecordRunOptions<int> { Run = run }, Ct));

        Assert.All(summaries, summary => Assert.Equal(run.Id, summary.RunId));
        Assert.Equal((RunStatus.Running, 6L), (run.Status, run.GetReport().RecordsProcessed));
        Assert.Equal([0, 0, 0], Ended());
        Assert.Equal(1, ActiveRuns());
        run.Complete();
        Assert.Equal([1, 0, 0], Ended());

        static Task<RunSummary> WithoutFlow(Func<Task<RunSummary>> call)
        {
            using (ExecutionContext.SuppressFlow())
                return Task.Run(call, Ct);
        }
    }

    private static ChannelReader<int> Source(int records)
    {
        Channel<int> channel = Channel.CreateUnbounded<int>();
        for (int i = 0; i < records; i++)
            channel.Writer.TryWrite(i);

        channel.Writer.Complete();
        return channel.Reader;
    }

    private static void Do(Step step, PipelineRun run)
    {
        if (step == Step.Complete)
            run.Complete();
        else if (step == Step.Fail)
            run.Fail();
        else
            run.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private static RunStatus StatusOf(Step step) => step switch
    {
        Step.Complete => RunStatus.Succeeded,
        Step.Fail => RunStatus.Failed,
        _ => RunStatus.Abandoned,
    };

    private double[] Ended() => [.. _meter.Observe(Runs).Where(static m => m.Tags.StartsWith("pipeline=orders,", StringComparison.Ordinal)).Select(static m => m.Value)];

    private double ActiveRuns() => _meter.Observe(Active).Single(static m => m.Tags == "pipeline=orders").Value;

    private PipelineStage Stage(ILoggerFactory log, string name = "load") => PipelineStage.Create("orders", name, TestStage.Options(_time, options =>
    {
        (options.MeterFactory, options.LoggerFactory) = (_meter, log);
        options.Recovery.FailureStore = new Processing.BreakableStore();
    }));
}
