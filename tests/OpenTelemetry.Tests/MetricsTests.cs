using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;

namespace PipelineOps.OpenTelemetry.Tests;

public sealed class MetricsTests
{
    private const string Tags = "pipeline=orders,stage=load";

    private static readonly InstrumentDescription[] OfStages = [.. TelemetryCatalog.Instruments.Where(static i => i.Tags.Any(static tag => tag.Name == "stage"))];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_hundred_busy_stages_stay_within_the_limits_of_the_sdk()
    {
        using var warnings = new SdkWarnings();
        using var metrics = new CollectedMetrics();
        BusyStage[] stages = [.. Enumerable.Range(0, 200).Select(static i => new BusyStage($"stage-{i}"))];
        try
        {
            foreach (BusyStage stage in stages)
                await stage.Work();

            IReadOnlyList<Series> series = metrics.Collect();

            Assert.DoesNotContain(series, static s => s.Has("otel.metric.overflow=True"));
            foreach (InstrumentDescription instrument in OfStages)
                Assert.All(stages, stage => Assert.Contains(series, s => s.Name == instrument.Name && s.Has($"stage={stage.Stage.Name}")));
            Assert.Empty(warnings.All);
        }
        finally
        {
            foreach (BusyStage stage in stages)
                stage.Dispose();
        }
    }

    [Fact]
    public void Counters_are_there_at_zero_before_anything_happened()
    {
        using var metrics = new CollectedMetrics();
        using var stage = new BusyStage();

        ILookup<string, Series> series = metrics.Collect().ToLookup(static s => s.Name);

        Assert.All(OfStages.Where(static i => i.Kind is InstrumentKind.Counter), i => Assert.All(series[i.Name], static s => Assert.Equal(0, s.Value)));
        Assert.All(OfStages.Where(static i => i.Kind is InstrumentKind.Counter), i => Assert.NotEmpty(series[i.Name]));
        Assert.Equal(
            ["succeeded", "succeeded_after_retry", "failed_without_retry", "failed_after_retries"],
            series["pipelineops.calls"].Select(static s => s["outcome"]));
    }

    [Fact]
    public async Task Every_instrument_of_a_busy_stage_arrives_as_the_catalogue_has_it()
    {
        using var warnings = new SdkWarnings();
        using var metrics = new CollectedMetrics();
        using var stage = new BusyStage();

        await stage.Work();
        ILookup<string, Series> series = metrics.Collect().ToLookup(static s => s.Name);

        Assert.All(OfStages, instrument =>
        {
            Assert.NotEmpty(series[instrument.Name]);
            Assert.All(series[instrument.Name], s =>
            {
                Assert.Equal((instrument.Unit ?? string.Empty, instrument.Kind), (s.Unit, KindOf(s.Type)));
                Assert.Equal(instrument.Buckets.Append(double.PositiveInfinity), s.Buckets.Select(static bucket => bucket.Bound).DefaultIfEmpty(double.PositiveInfinity));
                Assert.Equal(
                    instrument.Tags.Where(tag => !tag.IsOptional || s[tag.Name] is not null).Select(static tag => tag.Name).Order(StringComparer.Ordinal),
                    s.Tags.Split(',').Select(static tag => tag.Split('=')[0]));
            });
            Assert.Single(metrics.Streams[instrument.Name]);
        });
        Assert.Empty(warnings.All);
    }

    [Fact]
    public async Task Queues_and_runs_of_a_pipeline_are_collected()
    {
        using var metrics = new CollectedMetrics();
        using var stage = new BusyStage();
        Pipeline pipeline = Pipeline.Create(stage.Stage);
        Channel<Message> channel = Channel.CreateUnbounded<Message>();
        channel.Writer.TryWrite(new Message("m-1") { Time = stage.Time.GetUtcNow() - TimeSpan.FromSeconds(90) });
        using IDisposable waiting = pipeline.ObserveQueue("orders.in", channel.Reader);
        using IDisposable broken = pipeline.ObserveQueue("orders.broken", static () => throw new IOException());

        await using (PipelineRun run = pipeline.BeginRun())
        {
            stage.Time.Advance(TimeSpan.FromSeconds(30));
            run.Complete();
        }

        await using PipelineRun unfinished = pipeline.BeginRun();
        IReadOnlyList<Series> series = metrics.Collect();

        Assert.Equal([("pipeline=orders,queue=orders.in", 1.0)], Of(series, "pipelineops.queue.length"));
        Assert.Equal([("pipeline=orders,queue=orders.in", 120.0)], Of(series, "pipelineops.queue.oldest_age"));
        Assert.Equal(
            [("abandoned", 0.0), ("failed", 0.0), ("succeeded", 1.0)],
            series.Where(static s => s.Name == "pipelineops.runs").Select(static s => (s["status"], s.Value)).Order());
        Assert.Equal([("pipeline=orders", 1.0)], Of(series, "pipelineops.runs.active"));
        Assert.Equal(30, Assert.Single(series, static s => s.Name == "pipelineops.run.duration").Sum, 6);
    }

    [Fact]
    public async Task What_is_collected_is_what_happened()
    {
        using var metrics = new CollectedMetrics();
        using var stage = new BusyStage();

        await stage.Succeed(seconds: 0.003);
        await stage.Succeed(seconds: 7);
        await stage.Stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await stage.Stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);
        IReadOnlyList<Series> series = metrics.Collect();

        Assert.Equal(
            [("succeeded", 2.0), ("succeeded_after_retry", 1.0), ("failed_without_retry", 0.0), ("failed_after_retries", 1.0)],
            series.Where(static s => s.Name == "pipelineops.calls").Select(static s => (s["outcome"], s.Value)));
        Assert.Equal([(Tags, 3.0), ($"error.type=System.IO.IOException,{Tags}", 1.0)], Of(series, "pipelineops.stage.duration"));
        Assert.Equal([(Tags, 3.0), ($"error.type=System.IO.IOException,{Tags}", 3.0)], Of(series, "pipelineops.stage.attempt.duration"));
        Assert.Equal([(Tags, 6.0)], Of(series, "pipelineops.attempts"));
        Series durations = series.First(static s => s.Name == "pipelineops.stage.duration");
        Assert.Equal(7.003, durations.Sum, 6);
        Assert.Equal([0.0005, 0.005, 10], durations.Buckets.Where(static bucket => bucket.Count > 0).Select(static bucket => bucket.Bound));
    }

    [Fact]
    public async Task Delta_temporality_gives_the_difference_since_the_last_collection()
    {
        using var metrics = new CollectedMetrics(temporality: MetricReaderTemporalityPreference.Delta);
        using var stage = new BusyStage();

        List<double> calls = [];
        List<double> durations = [];
        foreach (int more in (int[])[3, 0, 2])
        {
            for (int i = 0; i < more; i++)
                await stage.Succeed();
            IReadOnlyList<Series> series = metrics.Collect();
            calls.Add(series.Single(static s => s.Name == "pipelineops.calls" && s.Has("outcome=succeeded")).Value);
            durations.Add(series.Where(static s => s.Name == "pipelineops.stage.duration").Sum(static s => s.Value));

            // What goes up and down is told as it is.
            Assert.Equal(8, Assert.Single(series, static s => s.Name == "pipelineops.concurrency.limit").Value);
        }

        Assert.Equal([3, 0, 2], calls);
        Assert.Equal([3, 0, 2], durations);
    }

    [Fact]
    public async Task Two_containers_with_meters_of_their_own_give_each_series_once()
    {
        using var warnings = new SdkWarnings();
        using var metrics = new CollectedMetrics();
        await using ServiceProvider first = Container("first");
        await using ServiceProvider second = Container("second");
        Assert.NotSame(first.GetRequiredService<IMeterFactory>(), second.GetRequiredService<IMeterFactory>());

        await Stage(first, "first").ExecuteAsync(new Flaky().Invoke, Ct);
        await Stage(second, "second").ExecuteAsync(new Flaky().Invoke, Ct);
        await Stage(second, "second").ExecuteAsync(new Flaky().Invoke, Ct);
        IReadOnlyList<Series> series = metrics.Collect();

        Assert.Equal(series.Count, series.Select(static s => (s.Name, s.Tags)).Distinct().Count());
        Assert.All(metrics.Streams, static streams => Assert.Single(streams));
        Assert.Equal(
            [("first", 1.0), ("second", 2.0)],
            series.Where(static s => s.Name == "pipelineops.calls" && s.Has("outcome=succeeded")).Select(static s => (s["pipeline"], s.Value)));
        Assert.Equal(
            [("first", 1.0), ("second", 2.0)],
            series.Where(static s => s.Name == "pipelineops.stage.duration").Select(static s => (s["pipeline"], s.Value)));
        Assert.Empty(warnings.All);
    }

    private static IEnumerable<(string Tags, double Value)> Of(IEnumerable<Series> series, string name) =>
        series.Where(s => s.Name == name).Select(static s => (s.Tags, s.Value)).OrderBy(static s => s.Tags.Length);

    private static ServiceProvider Container(string pipeline)
    {
        var services = new ServiceCollection();
        services.AddMetrics();
        services.AddPipelineOps().AddPipeline(pipeline, static p => p.AddStage("load"));
        return services.BuildServiceProvider();
    }

    private static PipelineStage Stage(ServiceProvider services, string pipeline) => services.GetRequiredKeyedService<PipelineStage>($"{pipeline}/load");

    private static InstrumentKind KindOf(MetricType type) => type switch
    {
        MetricType.LongSum or MetricType.DoubleSum => InstrumentKind.Counter,
        MetricType.LongSumNonMonotonic or MetricType.DoubleSumNonMonotonic => InstrumentKind.UpDownCounter,
        MetricType.LongGauge or MetricType.DoubleGauge => InstrumentKind.Gauge,
        _ => InstrumentKind.Histogram,
    };
}
