using System.Collections;
using System.Diagnostics;
using PipelineOps.Tests.Processing;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

/// <summary>What is asked and told for telemetry alone may fail in any way: the call ends as if nobody listened, and its span ends too.</summary>
[Collection(nameof(Alone))]
public sealed class TelemetryFaultTests : IDisposable
{
    private readonly MeterProbe _meter = new MeterProbe().Listen();
    private readonly List<Activity> _started = [];
    private readonly List<Activity> _stopped = [];
    private readonly ActivityListener _listener;

    public TelemetryFaultTests() => _listener = Listen(_started.Add, _stopped.Add);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
        Assert.Equal(_started, _stopped.OrderBy(_started.IndexOf));
        Assert.Null(Activity.Current);
    }

    [Fact]
    public async Task Baggage_that_cannot_be_read_fails_no_record()
    {
        using ProcessingStage stage = Told(new RecordOrigin { Baggage = new Unreadable<KeyValuePair<string, string?>>() });

        Assert.True((await stage.Stage.ProcessAsync("a", static (_, _) => default, Ct)).IsSuccess);
        Assert.True((await stage.Stage.ProcessAsync("b", static (_, _) => default(ValueTask), Ct)).IsSuccess);

        Assert.Equal((2, 0), (stage.Stage.Accounting.Succeeded, stage.Stage.Accounting.InFlight));
    }

    [Fact]
    public async Task A_batch_that_cannot_be_read_for_its_links_is_processed()
    {
        using ProcessingStage stage = Told(default);

        BatchResult result = await stage.Stage.ProcessBatchAsync(new Unreadable<string>(), static (_, _) => default, cancellationToken: Ct);

        Assert.Equal((1, 0), (result.CountOf(Disposition.Succeeded), stage.Stage.Accounting.InFlight));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_that_its_handler_empties_ends_with_the_ages_that_are_left(bool atOnce)
    {
        using ProcessingStage stage = Told(new RecordOrigin { EventTime = DateTimeOffset.MinValue });
        List<string> records = ["a", "b"];

        BatchResult result = await stage.Stage.ProcessBatchAsync<string>(
            records,
            async (_, _) =>
            {
                if (!atOnce)
                    await Task.Yield();
                records.RemoveAt(1);
            },
            cancellationToken: Ct);

        Assert.Equal((2, 2, 0), (result.CountOf(Disposition.Succeeded), stage.Stage.Accounting.Succeeded, stage.Stage.Accounting.InFlight));
        Assert.Single(_meter.Of("pipelineops.record.age"));
    }

    [Fact]
    public async Task An_error_that_cannot_tell_its_message_is_still_the_calls()
    {
        using PipelineStage stage = TestStage.Create(new ManualTimeProvider(), static o => (o.Retry.MaxRetries, o.Telemetry.AttemptSpans) = (0, AttemptSpans.Always));

        StageResult<int> result = await stage.TryExecuteAsync(static ValueTask<int> (_) => throw new MuteException(), Ct);

        Assert.True(result.Error is MuteException);

        Assert.All(_stopped, static span => Assert.Equal((ActivityStatusCode.Error, typeof(MuteException).FullName), (span.Status, span.GetTagItem("error.type"))));
        Assert.Equal(2, _stopped.Count);
    }

    [Theory]
    [InlineData(AttemptSpans.Always)]
    [InlineData(AttemptSpans.WhenRetried)]
    public async Task A_span_that_one_listener_fails_to_begin_ends_for_the_others(AttemptSpans attempts)
    {
        using ActivityListener faulty = Listen(static _ => throw new InvalidOperationException(), static _ => throw new InvalidOperationException());
        using PipelineStage stage = TestStage.Create(new ManualTimeProvider(), o => o.Telemetry.AttemptSpans = attempts);

        Assert.Equal(2, await stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct));

        Assert.Equal(3, _started.Count);
    }

    [Fact]
    public async Task Baggage_reaches_every_attempt()
    {
        using PipelineStage stage = TestStage.Create(new ManualTimeProvider());
        List<string?> tenants = [];
        using (Activity caller = new Activity("caller").AddBaggage("tenant", "acme").Start())
        {
            await stage.ExecuteAsync(
                _ =>
                {
                    tenants.Add(Activity.Current?.GetBaggageItem("tenant"));
                    return tenants.Count < 3 ? ValueTask.FromException<int>(new IOException()) : new(1);
                },
                Ct);
        }

        Assert.Equal(["acme", "acme", "acme"], tenants);
    }

    [Fact]
    public async Task Whoever_completes_a_call_keeps_its_own_activity_although_the_calls_context_does_not_flow()
    {
        using PipelineStage stage = TestStage.Create(new ManualTimeProvider());
        var completion = new TaskCompletionSource<int>();
        Task<int> call;
        using (ExecutionContext.SuppressFlow())
            call = stage.ExecuteAsync(_ => new ValueTask<int>(completion.Task), Ct).AsTask();

        using (Activity completer = new Activity("completer").Start())
        {
            completion.SetResult(1);
            Assert.Same(completer, Activity.Current);
        }

        Assert.Equal(1, await call);
    }

    [Fact]
    public async Task A_record_that_is_a_list_is_a_record()
    {
        var producer = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded);
        using var stage = new ProcessingStage(o => o.Telemetry.DescribeOrigin<IReadOnlyList<int>>(_ => new RecordOrigin { Key = "k", TraceContext = producer }));

        await stage.Stage.ProcessAsync<IReadOnlyList<int>>([1, 2], static (_, _) => default, Ct);

        Activity call = Assert.Single(_stopped);
        Assert.Equal((producer.SpanId, "k", null), (call.ParentSpanId, call.GetTagItem("pipelineops.record.key"), call.GetTagItem("pipelineops.batch.size")));
    }

    [Theory]
    [InlineData(AttemptSpans.Always)]
    [InlineData(AttemptSpans.WhenRetried)]
    public async Task Whoever_completes_an_attempt_keeps_its_own_activity_while_the_call_is_tried_again(AttemptSpans attempts)
    {
        using PipelineStage stage = TestStage.Create(new ManualTimeProvider(), o => o.Telemetry.AttemptSpans = attempts);
        TaskCompletionSource<int>[] completions = [new(), new()];
        int attempt = 0;
        Task<int> call;
        using (ExecutionContext.SuppressFlow())
            call = stage.ExecuteAsync(_ => new ValueTask<int>(completions[attempt++].Task), Ct).AsTask();

        using (Activity completer = new Activity("completer").Start())
        {
            completions[0].SetException(new IOException());
            Assert.Same(completer, Activity.Current);
            completions[1].SetResult(1);
            Assert.Same(completer, Activity.Current);
        }

        Assert.Equal(1, await call);
        Assert.Equal(3, _started.Count);
    }

    private static ActivityListener Listen(Action<Activity> started, Action<Activity> stopped)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == PipelineOpsTelemetry.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = activity =>
            {
                lock (started)
                    started(activity);
            },
            ActivityStopped = activity =>
            {
                lock (started)
                    stopped(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private ProcessingStage Told(RecordOrigin origin) => new(o =>
    {
        o.MeterFactory = _meter;
        o.Telemetry.DescribeOrigin<string>(_ => origin);
    });

    private sealed class MuteException : Exception
    {
        public override string Message => throw new NotSupportedException();
    }

    /// <summary>A list that can be indexed, and not enumerated.</summary>
    private sealed class Unreadable<T> : IReadOnlyList<T?>
    {
        public int Count => 1;

        public T? this[int index] => default;

        public IEnumerator<T?> GetEnumerator() => throw new InvalidOperationException("Collection was modified.");

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
