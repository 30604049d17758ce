using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>Whatever is wrong with those who listen, a call ends as it would without them, and gives its caller's context back.</summary>
public sealed class FaultyListenerTests
{
    private readonly ManualTimeProvider _time = new();

    public enum Fault
    {
        None,
        OnStart,
        OnEnd,
        Both,
        Export,
        Sampler,
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Fault.OnStart, false)]
    [InlineData(Fault.OnStart, true)]
    [InlineData(Fault.OnEnd, false)]
    [InlineData(Fault.OnEnd, true)]
    [InlineData(Fault.Both, false)]
    [InlineData(Fault.Both, true)]
    [InlineData(Fault.Export, false)]
    [InlineData(Fault.Export, true)]
    [InlineData(Fault.Sampler, false)]
    [InlineData(Fault.Sampler, true)]
    public async Task A_provider_that_throws_changes_no_outcome_and_leaves_no_span_behind(Fault fault, bool asynchronous)
    {
        string expected = await RunAll(Fault.None, asynchronous);

        string outcomes = await RunAll(fault, asynchronous);

        Assert.Equal(expected, outcomes);
    }

    [Theory]
    [InlineData(Fault.OnStart)]
    [InlineData(Fault.OnEnd)]
    [InlineData(Fault.Sampler)]
    public async Task No_attempt_runs_in_the_span_of_another(Fault fault)
    {
        using TracerProvider provider = Provider(fault);
        using PipelineStage stage = OwnStage.Create(_time, static o => o.Telemetry.AttemptSpans = AttemptSpans.Always);
        List<(Activity? Span, bool IsStopped)> within = [];

        await stage.ExecuteAsync(
            async _ =>
            {
                await Task.Yield();
                within.Add((Activity.Current, Activity.Current is { IsStopped: true }));
                return within.Count < 3 ? throw new IOException() : within.Count;
            },
            Ct).InTime();

        Assert.Equal([false, false, false], within.Select(static attempt => attempt.IsStopped));
        Activity[] own = [.. within.Select(static attempt => attempt.Span).OfType<Activity>().Where(static span => span.DisplayName == "orders/load attempt")];
        Assert.Equal(own.Distinct(), own);
    }

    [Fact]
    public async Task What_is_measured_after_an_attempt_whose_end_threw_is_measured_in_the_calls_span()
    {
        using var provider = Provider(Fault.OnEnd);
        using var metrics = new CollectedMetrics(static builder => builder.SetExemplarFilter(ExemplarFilterType.TraceBased));
        using PipelineStage stage = OwnStage.Create(_time, static o => o.Telemetry.AttemptSpans = AttemptSpans.Always);
        Activity? attempt = null;

        await stage.ExecuteAsync(
            _ =>
            {
                attempt = Activity.Current;
                return default;
            },
            Ct);

        Exemplar exemplar = Assert.Single(Assert.Single(metrics.Collect("pipelineops.stage.duration")).Exemplars);
        Assert.Equal(attempt!.ParentSpanId, exemplar.SpanId);
    }

    [Fact]
    public async Task A_meter_provider_whose_exporter_throws_changes_no_outcome()
    {
        using MeterProvider provider = Sdk.CreateMeterProviderBuilder()
            .AddMeter(PipelineOpsTelemetry.MeterName)
            .AddReader(new BaseExportingMetricReader(new ThrowingExporter<Metric>()))
            .Build();
        using var stage = new BusyStage();

        await stage.Work();
        provider.ForceFlush(1_000);

        Assert.Equal(2, await stage.Stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct));
    }

    [Fact]
    public async Task Providers_that_are_disposed_while_stages_go_on_change_no_outcome()
    {
        using PipelineStage stage = OwnStage.Create(_time, static o => o.Recovery.FailureStore = new MemoryFailureStore(TimeProvider.System));
        long failed = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        Task[] callers = [.. Enumerable.Range(0, 2).Select(i => Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    int attempt = 0;
                    StageResult result = await stage.TryExecuteAsync(
                        async _ =>
                        {
                            if (i == 0)
                                await Task.Yield();
                            if (++attempt == 1)
                                throw new IOException();
                        },
                        CancellationToken.None);
                    if (!result.IsSuccess || attempt != 2 || Activity.Current is not null)
                        Interlocked.Increment(ref failed);
                }
            },
            Ct))];

        for (int i = 0; i < 20; i++)
        {
            using var spans = new CollectedSpans();
            using var metrics = new CollectedMetrics();
            await Waiting.Until(() => spans.All.Count > 20);
            metrics.Collect();
            metrics.Dispose();
            spans.Dispose();
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers);
        Assert.Equal(0, failed);
    }

    [Fact]
    public async Task A_call_that_outlives_its_providers_ends_as_it_would_without_them()
    {
        using var spans = new CollectedSpans();
        using var metrics = new CollectedMetrics();
        using PipelineStage stage = OwnStage.Create(_time);
        var end = new TaskCompletionSource<int>();
        ValueTask<int> call = stage.ExecuteAsync(async _ => await end.Task, Ct);

        metrics.Dispose();
        spans.Dispose();
        end.SetResult(42);

        Assert.Equal(42, await call.InTime());
        Assert.Null(Activity.Current);
        Assert.Equal(1, await stage.ExecuteAsync(new Flaky().Invoke, Ct));
    }

    /// <summary>One of every kind of work, and what became of it and of its caller's span.</summary>
    private async Task<string> RunAll(Fault fault, bool asynchronous)
    {
        using TracerProvider provider = Provider(fault);
        var store = new MemoryFailureStore(_time);
        using PipelineStage stage = OwnStage.Create(_time, o => (o.Recovery.FailureStore, o.Retry.MaxRetries) = (store, 1));
        using Activity caller = new Activity("caller").Start();
        List<string> outcomes = [];

        await Observe(() => stage.TryExecuteAsync(Delegate(0, asynchronous), Ct), static result => result.IsSuccess);
        await Observe(() => stage.TryExecuteAsync(Delegate(1, asynchronous), Ct), static result => result.Attempts);
        await Observe(() => stage.TryExecuteAsync(Delegate(9, asynchronous), Ct), static result => result.Error?.Message);
        await Observe(() => stage.ProcessAsync("good", Handler<string>(0, asynchronous), Ct), static result => result);
        await Observe(() => stage.ProcessAsync("poison", Handler<string>(9, asynchronous), Ct), static result => result);
        await Observe(() => stage.ProcessBatchAsync([1, 2], Handler<IReadOnlyList<int>>(0, asynchronous), cancellationToken: Ct), static result => result);
        await Observe(() => stage.RedriveAsync(Handler<string>(0, asynchronous), cancellationToken: Ct), static result => result.Redriven);
        return string.Join("; ", outcomes);

        async Task Observe<T>(Func<ValueTask<T>> work, Func<T, object?> tell)
        {
            Activity.Current = caller;
            ValueTask<T> pending = work();
            bool isGivenBack = Activity.Current == caller;
            outcomes.Add($"{tell(await pending.InTime())} {(isGivenBack ? "in the caller's span" : "in another span")}");
        }
    }

    private static Func<T, CancellationToken, ValueTask> Handler<T>(int failures, bool asynchronous)
    {
        Func<CancellationToken, ValueTask> handle = Delegate(failures, asynchronous);
        return (_, token) => handle(token);
    }

    private static Func<CancellationToken, ValueTask> Delegate(int failures, bool asynchronous)
    {
        int calls = 0;
        return async _ =>
        {
            if (asynchronous)
                await Task.Yield();
            if (++calls <= failures)
                throw new IOException("broken");
        };
    }

    private static TracerProvider Provider(Fault fault)
    {
        TracerProviderBuilder builder = Sdk.CreateTracerProviderBuilder()
            .AddSource(PipelineOpsTelemetry.ActivitySourceName)
            .SetSampler(fault == Fault.Sampler ? new ThrowingSampler() : new AlwaysOnSampler());
        if (fault == Fault.Export)
            builder.AddProcessor(new SimpleActivityExportProcessor(new ThrowingExporter<Activity>()));
        return builder.AddProcessor(new ThrowingProcessor(fault)).Build();
    }

    private sealed class ThrowingProcessor(Fault fault) : BaseProcessor<Activity>
    {
        public override void OnStart(Activity data)
        {
            if (fault is Fault.OnStart or Fault.Both)
                throw new InvalidOperationException("start");
        }

        public override void OnEnd(Activity data)
        {
            if (fault is Fault.OnEnd or Fault.Both)
                throw new InvalidOperationException("end");
        }
    }

    private sealed class ThrowingSampler : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => throw new InvalidOperationException("sampler");
    }

    private sealed class ThrowingExporter<T> : BaseExporter<T>
        where T : class
    {
        public override ExportResult Export(in Batch<T> batch) => throw new InvalidOperationException("export");
    }
}
