using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PipelineOps.Tests.Stages;

/// <summary>A call allocates nothing. Counted for many calls after a warm-up, several times over, of which the least counts: the runtime allocates now and then for itself.</summary>
[Collection(nameof(Alone))]
public sealed class AllocationTests
{
    private const int Calls = 2_000;
    private const int Runs = 8;

    private static readonly Func<int, CancellationToken, ValueTask<int>> Succeed = static (state, _) => new(state);

    [Fact]
    public void The_measurement_sees_an_object_for_each_call() =>
        Assert.True(BytesOfCalls(static () => GC.KeepAlive(new object())) >= Calls * 24);

    [Fact]
    public void A_rejection_that_is_told()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load");
        stage.Circuit!.Isolate();

        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.TryExecuteAsync(Succeed, 1)).IsRejected)));
    }

    [Fact]
    public void Retry_and_circuit()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load");

        Assert.Equal(0, BytesOfCalls(() => Ended(stage.ExecuteAsync(Succeed, 1))));
    }

    [Fact]
    public void Every_policy_with_a_token_that_can_be_cancelled()
    {
        using var caller = new CancellationTokenSource();
        using PipelineStage stage = PipelineStage.Create("orders", "load", Full());

        Assert.Equal(0, BytesOfCalls(() => Ended(stage.ExecuteAsync(Succeed, 1, caller.Token))));
        Assert.Equal(0, BytesOfCalls(() => Ended(stage.TryExecuteAsync(Succeed, 1, caller.Token))));
    }

    [Fact]
    public void Two_retries_of_a_result()
    {
        StageOptions options = Full();
        options.Retry.Backoff = Backoff.None;
        options.CircuitBreaker.Enabled = false;
        options.AddResultRule<int>(static value => value < 3 ? ErrorClassification.Transient : null);
        using PipelineStage stage = PipelineStage.Create("orders", "load", options);

        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ExecuteAsync(static (_, attempt, _) => new ValueTask<int>(attempt.Number), 0)) == 3)));
    }

    [Fact]
    public void A_call_that_is_measured()
    {
        using var listener = new QuietMeter();
        using PipelineStage stage = PipelineStage.Create("orders", "load", new StageOptions { MeterFactory = listener.Meter });

        Assert.Equal(0, BytesOfCalls(() => Ended(stage.ExecuteAsync(Succeed, 1))));
        Assert.True(listener.Measurements > Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Records_and_batches_that_nobody_wants_a_span_of(bool isTracing)
    {
        using ActivityListener? listener = isTracing ? ListenToNothing() : null;

        // Of a call without a caller's trace the runtime asks the sampler with a new trace's id, which is 48 bytes.
        using Activity? caller = isTracing ? new Activity("caller").Start() : null;
        using PipelineStage stage = PipelineStage.Create("orders", "load");
        int[] records = [1, 2, 3];

        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ProcessAsync("record", static (_, _) => default(ValueTask))).IsSuccess)));
        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ProcessAsync(1, static (_, _) => default(ValueTask))).IsSuccess)));
        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ProcessAsync(1, static (_, _, _) => default(ValueTask), 2)).IsSuccess)));
        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ProcessBatchAsync(records, static (_, _) => default(ValueTask))).Count == 3)));
        Assert.Equal(0, BytesOfCalls(() => Ended(stage.ExecuteAsync(Succeed, 1))));
        Assert.Equal(0, BytesOfCalls(() => Ended(stage.TryExecuteAsync(Succeed, 1))));
    }

    [Fact]
    public void Records_and_batches_that_are_measured()
    {
        using var listener = new QuietMeter();
        using PipelineStage stage = PipelineStage.Create("orders", "load", new StageOptions { MeterFactory = listener.Meter });
        int[] records = [1, 2, 3];

        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ProcessAsync(1, static (_, _) => default(ValueTask))).IsSuccess)));
        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ProcessBatchAsync(records, static (_, _) => default(ValueTask))).Count == 3)));
        Assert.Equal(0, BytesOfCalls(() => Ended(stage.TryExecuteAsync(Succeed, 1))));
    }

    [Fact]
    public void A_call_with_a_fallback_that_is_not_needed()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load");

        Assert.Equal(0, BytesOfCalls(() => Ended(stage.ExecuteAsync(Succeed, 1, -1))));
    }

    [Fact]
    public void A_rejected_call_with_a_fallback()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load");
        stage.Circuit!.Isolate();

        Assert.Equal(0, BytesOfCalls(() => Assert.True(Ended(stage.ExecuteAsync(Succeed, 1, static (_, _, _) => new ValueTask<int>(-1))) == -1)));
    }

    [Fact]
    public void A_call_without_a_result()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load", Full());

        Assert.Equal(0, BytesOfCalls(() =>
        {
            ValueTask call = stage.ExecuteAsync(static (_, _) => default(ValueTask), 0);
            Assert.True(call.IsCompletedSuccessfully);
        }));
    }

    [Fact]
    public async Task A_call_that_ends_later_takes_its_state_machine_from_a_pool()
    {
        using var caller = new CancellationTokenSource();
        using PipelineStage stage = PipelineStage.Create("orders", "load", Full());
        long least = long.MaxValue;
        for (int run = 0; run < Runs; run++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Calls; i++)
                await stage.ExecuteAsync(static (state, token) => YieldPooled(state, token), i, caller.Token);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        // The pool keeps one state machine for each thread and processor, and misses now and then; without a pool a call takes hundreds of bytes.
        Assert.InRange(least, 0, Calls * 32);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<int> YieldPooled(int state, CancellationToken token)
    {
        await Task.Yield();
        return state;
    }

    private static StageOptions Full() => new()
    {
        TotalTimeout = TimeSpan.FromSeconds(30),
        AttemptTimeout = TimeSpan.FromSeconds(2),
        Concurrency = { MaxConcurrent = 8, MaxQueued = 8 },
    };

    private static ActivityListener ListenToNothing()
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == PipelineOpsTelemetry.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.None,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static T Ended<T>(ValueTask<T> call)
    {
        Assert.True(call.IsCompletedSuccessfully);
        return call.Result;
    }

    private static long BytesOfCalls(Action call)
    {
        long least = long.MaxValue;
        for (int run = 0; run < Runs; run++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Calls; i++)
                call();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
