using System.Diagnostics;
using OpenTelemetry.Trace;

namespace PipelineOps.OpenTelemetry.Tests;

public sealed class SamplingTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_caller_that_is_sampled_out_gives_no_spans_and_nothing_else_changes(bool isRemote)
    {
        using var spans = new CollectedSpans(static builder => builder.SetSampler(new ParentBasedSampler(new AlwaysOnSampler())));
        var store = new MemoryFailureStore(_time);
        using PipelineStage stage = OwnStage.Create(_time, o => o.Recovery.FailureStore = store);
        using Activity caller = new Activity("caller")
            .SetParentId(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.None).Start();
        ActivityContext remote = new(caller.TraceId, caller.SpanId, ActivityTraceFlags.None, isRemote: true);

        Activity.Current = isRemote ? null : caller;
        using Activity? consumer = isRemote ? CollectedSpans.Source.StartActivity("consume", ActivityKind.Consumer, remote) : null;
        Activity? before = Activity.Current;
        Assert.Equal(2, await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct));
        Assert.False((await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct)).IsSuccess);
        RecordResult kept = await stage.ProcessAsync("poison", static (_, _) => throw new FormatException(), Ct);
        await stage.ProcessBatchAsync([1, 2], static (_, _) => default, cancellationToken: Ct);

        Assert.Same(before, Activity.Current);
        Assert.Equal(Disposition.Quarantined, kept.Disposition);
        Assert.Empty(spans.All);
    }

    [Fact]
    public async Task A_ratio_of_zero_gives_no_spans_and_tells_nothing_to_those_it_drops()
    {
        using var spans = new CollectedSpans(static builder => builder.SetSampler(new TraceIdRatioBasedSampler(0)));
        var store = new MemoryFailureStore(_time);
        using PipelineStage stage = OwnStage.Create(_time, o =>
        {
            o.Recovery.FailureStore = store;
            Message.DescribeTo(o);
        });
        List<Activity?> within = [];

        RecordResult result = await stage.ProcessAsync(
            new Message("m-1"),
            (_, _) =>
            {
                within.Add(Activity.Current);
                return within.Count == 1 ? throw new IOException() : throw new FormatException();
            },
            Ct);
        await stage.RedriveAsync<Message>(static (_, _) => default, cancellationToken: Ct);

        Assert.Empty(spans.All);
        Assert.Null(Activity.Current);

        // A root that is dropped still has a context, for those whom the handler calls; it is not told what nobody will read.
        Activity dropped = within[0]!;
        Assert.Equal((false, false), (dropped.IsAllDataRequested, dropped.Recorded));
        Assert.Equal(["pipeline", "stage"], dropped.TagObjects.Select(static tag => tag.Key));
        Assert.Empty(dropped.Events);
        Assert.EndsWith("-00", result.Failure!.TraceParent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_sampler_sees_the_names_of_pipeline_and_stage()
    {
        var sampler = new StageSampler("orders", "load");
        using var spans = new CollectedSpans(builder => builder.SetSampler(sampler));
        using PipelineStage wanted = OwnStage.Create(_time);
        using PipelineStage unwanted = PipelineStage.Create("orders", "ship", OwnStage.Options(_time));

        await wanted.ExecuteAsync(new Flaky().Invoke, Ct);
        await unwanted.ExecuteAsync(new Flaky().Invoke, Ct);

        Assert.Equal("orders/load", Assert.Single(spans.All).DisplayName);
    }

    private sealed class StageSampler(string pipeline, string stage) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters)
        {
            Dictionary<string, object?> tags = new(samplingParameters.Tags ?? []);
            return new(tags.GetValueOrDefault("pipeline") is string p && p == pipeline && tags.GetValueOrDefault("stage") is string s && s == stage
                ? SamplingDecision.RecordAndSample
                : SamplingDecision.Drop);
        }
    }
}
