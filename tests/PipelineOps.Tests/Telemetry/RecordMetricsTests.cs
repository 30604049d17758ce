using PipelineOps.Tests.Processing;

namespace PipelineOps.Tests.Telemetry;

public sealed class RecordMetricsTests : IDisposable
{
    private const string Tags = "pipeline=orders,stage=load";

    private readonly MeterProbe _meter = new MeterProbe().Listen();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _meter.Dispose();

    [Fact]
    public async Task A_store_that_fails_is_measured_and_keeps_nothing()
    {
        using ProcessingStage stage = Measured(static o => o.Recovery.StoreTimeout = TimeSpan.Zero);
        stage.Store.Break();

        Assert.Equal(Disposition.Returned, (await stage.Fail(new FormatException())).Disposition);

        Assert.Equal([$"{Tags},error.type=System.IO.IOException"], _meter.Of("pipelineops.store.append.duration").Select(static m => m.Tags));
        Assert.Empty(_meter.ObserveNonZero("pipelineops.failures.stored"));
        Assert.Equal([new("pipelineops.records", 1, $"{Tags},disposition=returned")], _meter.ObserveNonZero("pipelineops.records"));
    }

    [Fact]
    public async Task Records_are_counted_by_where_they_ended_and_failures_by_what_they_mean()
    {
        using ProcessingStage stage = Measured();

        for (int i = 0; i < 3; i++)
            await stage.Process("good", static (_, _) => default);
        await stage.Fail(new FormatException());
        await stage.Fail(new FormatException());
        await stage.Fail(new InvalidCastException());

        Assert.Equal(
            [(3, "succeeded"), (0, "filtered"), (2, "quarantined"), (1, "dead_lettered"), (0, "parked"), (0, "failed_unknown"), (0, "returned")],
            _meter.Observe("pipelineops.records").Select(static m => (m.Value, m.Tags[$"{Tags},disposition=".Length..])));
        Assert.Equal(
            [new("pipelineops.failures.stored", 2, $"{Tags},category=data_quality"), new("pipelineops.failures.stored", 1, $"{Tags},category=defect")],
            _meter.ObserveNonZero("pipelineops.failures.stored"));
        Assert.Equal([(0, Tags), (0, Tags), (0, Tags)], _meter.Of("pipelineops.store.append.duration").Select(static m => (m.Value, m.Tags)));
    }

    [Fact]
    public async Task A_record_is_active_until_it_ends()
    {
        using ProcessingStage stage = Measured();
        var end = new TaskCompletionSource();
        Task<RecordResult> record = stage.Process("slow", async (_, _) => await end.Task);

        Assert.Equal([new("pipelineops.records.active", 1, Tags)], _meter.Observe("pipelineops.records.active"));
        end.SetResult();
        await record;

        Assert.Equal([new("pipelineops.records.active", 0, Tags)], _meter.Observe("pipelineops.records.active"));
    }

    [Fact]
    public async Task The_age_of_a_record_is_the_time_from_its_event_to_its_end()
    {
        using ProcessingStage stage = Measured(static o => o.Telemetry.DescribeOrigin<Order>(static order => new RecordOrigin { EventTime = order.PlacedAt }));
        DateTimeOffset now = stage.Time.GetUtcNow();

        await stage.Stage.ProcessAsync(new Order(now - TimeSpan.FromSeconds(90)), Take(stage, 10), Ct);
        await stage.Stage.ProcessAsync(new Order(now - TimeSpan.FromSeconds(5)), static (_, _) => throw new FormatException(), Ct);
        await stage.Stage.ProcessBatchAsync([new Order(now), new Order(null), new Order(now + TimeSpan.FromHours(1))], static (_, _) => default, cancellationToken: Ct);

        // The clock stands 10 s later; a time of the future is no negative age, and one that is not known none at all.
        Assert.Equal([(100, Tags), (15, Tags), (10, Tags), (0, Tags)], _meter.Of("pipelineops.record.age").Select(static m => (m.Value, m.Tags)));

        static Func<Order, CancellationToken, ValueTask> Take(ProcessingStage stage, int seconds) => (_, _) =>
        {
            stage.Time.Advance(TimeSpan.FromSeconds(seconds));
            return default;
        };
    }

    [Fact]
    public async Task A_record_that_is_given_back_has_no_age_yet()
    {
        using ProcessingStage stage = Measured(static o =>
        {
            o.CircuitBreaker.Enabled = true;
            o.Telemetry.DescribeOrigin<Order>(static order => new RecordOrigin { EventTime = order.PlacedAt });
        });
        stage.Stage.Circuit!.Isolate();

        await stage.Stage.ProcessAsync(new Order(stage.Time.GetUtcNow()), static (_, _) => default, Ct);
        await stage.Stage.ProcessBatchAsync([new Order(stage.Time.GetUtcNow())], static (_, _) => default, cancellationToken: Ct);

        Assert.Empty(_meter.Of("pipelineops.record.age"));
    }

    [Fact]
    public async Task A_description_of_the_origin_that_throws_costs_the_age_only()
    {
        using ProcessingStage stage = Measured(static o => o.Telemetry.DescribeOrigin<Order>(static _ => throw new InvalidOperationException()));

        RecordResult result = await stage.Stage.ProcessAsync(new Order(null), static (_, _) => default, Ct);

        Assert.True(result.IsSuccess);
        Assert.Empty(_meter.Of("pipelineops.record.age"));
    }

    [Fact]
    public async Task A_category_that_is_none_of_ours_is_counted_as_unknown()
    {
        using ProcessingStage stage = Measured(static o =>
        {
            o.Retry.MaxRetries = 1;
            o.ErrorClassifier = ErrorClassifier.Create(static rules => rules.Map<IOException>(ErrorClassification.Transient with { Category = (ErrorCategory)20 }));
        });

        RecordResult result = await stage.Fail(new IOException());

        Assert.Equal((Disposition.DeadLettered, 1), (result.Disposition, stage.Store.Kept.Count));
        Assert.Equal([(1, $"{Tags},category=unknown")], _meter.ObserveNonZero("pipelineops.retries").Select(static m => (m.Value, m.Tags)));
        Assert.Equal([(1, $"{Tags},category=unknown")], _meter.ObserveNonZero("pipelineops.failures.stored").Select(static m => (m.Value, m.Tags)));
    }

    [Fact]
    public async Task Batches_are_measured_by_size_and_their_isolation_by_calls()
    {
        using ProcessingStage stage = Measured();
        var handling = new BatchHandling { Bad = { 3 } };

        await stage.Stage.ProcessBatchAsync([10, 11], handling.Handle, BatchEffect.Atomic, Ct);
        BatchResult result = await stage.Stage.ProcessBatchAsync([.. Enumerable.Range(0, 8)], handling.Handle, BatchEffect.Atomic, Ct);

        Assert.Equal(1, result.CountOf(Disposition.Quarantined));
        Assert.Equal([(2, Tags), (8, Tags)], _meter.Of("pipelineops.batch.size").Select(static m => (m.Value, m.Tags)));
        Assert.Equal([(result.Calls, Tags)], _meter.Of("pipelineops.batch.calls").Select(static m => ((int)m.Value, m.Tags)));
    }

    [Fact]
    public async Task What_the_dependency_takes_at_once_is_shown_once_it_is_known()
    {
        using ProcessingStage stage = Measured(static o => o.Retry.MaxRetries = 0);
        var handling = new BatchHandling { Capacity = 4 };
        Assert.Empty(_meter.Observe("pipelineops.batch.limit"));

        await stage.Stage.ProcessBatchAsync([.. Enumerable.Range(0, 8)], handling.Handle, BatchEffect.Atomic, Ct);

        Assert.Equal(8, stage.Stage.Accounting.Succeeded);
        Assert.InRange(Assert.Single(_meter.Observe("pipelineops.batch.limit")).Value, 4, 7);
    }

    private ProcessingStage Measured(Action<StageOptions>? configure = null) => new(o =>
    {
        o.MeterFactory = _meter;
        configure?.Invoke(o);
    });

    private sealed record Order(DateTimeOffset? PlacedAt);
}
