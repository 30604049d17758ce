using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Telemetry;

public sealed class QueueMetricsTests : IDisposable
{
    private const string Length = "pipelineops.queue.length";
    private const string Age = "pipelineops.queue.oldest_age";

    private readonly ManualTimeProvider _time = new();
    private readonly MeterProbe _meter = new MeterProbe().Listen();
    private readonly RecordingLoggers _log = new();
    private readonly PipelineStage _stage;
    private readonly Pipeline _pipeline;

    public QueueMetricsTests()
    {
        _stage = Stage();
        _pipeline = Pipeline.Create(_stage);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stage.Dispose();
        _meter.Dispose();
        _log.Dispose();
    }

    [Fact]
    public void A_length_that_throws_is_reported_once_until_it_works_again_and_the_other_queues_are_measured()
    {
        bool isBroken = true;
        using IDisposable broken = _pipeline.ObserveQueue("orders.in", () => isBroken ? throw new IOException("the broker is away") : 7);
        using IDisposable other = _pipeline.ObserveQueue("other", () => 3);

        for (int i = 0; i < 3; i++)
            Assert.Equal([new(Length, 3, "pipeline=orders,queue=other")], _meter.Observe(Length));

        LogEntry entry = Assert.Single(_log.Entries);
        Assert.Equal((4, "CallbackFailed"), (entry.Id.Id, entry.Id.Name));
        Assert.Equal("Pipeline orders: the queue length of orders.in threw; the pipeline goes on without it.", entry.Message);
        Assert.IsType<IOException>(entry.Exception);

        isBroken = false;
        Assert.Equal([7, 3], _meter.Observe(Length).Select(static m => m.Value));
        isBroken = true;
        _meter.Observe(Length);
        _meter.Observe(Length);
        Assert.Equal(2, _log.Entries.Count);
    }

    [Fact]
    public void What_a_callback_throws_because_its_observation_has_just_ended_is_not_reported()
    {
        IDisposable? queue = null;
        queue = _pipeline.ObserveQueue("in", () =>
        {
            queue!.Dispose();
            throw new ObjectDisposedException("broker");
        });

        Assert.Empty(_meter.Observe(Length));
        Assert.Empty(_log.Entries);
    }

    [Fact]
    public void An_age_that_throws_is_reported_once_and_the_length_is_measured()
    {
        using IDisposable queue = _pipeline.ObserveQueue("in", () => 3, () => throw new IOException());

        _meter.Observe(Age);
        Assert.Empty(_meter.Observe(Age));
        Assert.Equal(3, Assert.Single(_meter.Observe(Length)).Value);
        Assert.Equal("Pipeline orders: the oldest age of in threw; the pipeline goes on without it.", Assert.Single(_log.Entries).Message);
    }

    [Fact]
    public void A_sum_of_which_a_part_is_not_known_is_not_told()
    {
        using IDisposable known = _pipeline.ObserveQueue("in", () => 1_000);
        using IDisposable broken = _pipeline.ObserveQueue("in", () => throw new IOException());

        Assert.Empty(_meter.Observe(Length));
    }

    [Fact]
    public void A_channel_that_cannot_count_is_refused_with_what_to_do()
    {
        var channel = Channel.CreateUnbounded<int>(new UnboundedChannelOptions { SingleReader = true });

        ArgumentException exception = Assert.Throws<ArgumentException>(() => _pipeline.ObserveQueue("in", channel.Reader));

        Assert.Contains("without SingleReader", exception.Message, StringComparison.Ordinal);
        Assert.Contains("ObserveQueue(\"in\", () => count)", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => _pipeline.ObserveQueue("in", (ChannelReader<int>)null!));
        Assert.Throws<ArgumentNullException>(() => _pipeline.ObserveQueue("in", (Func<long>)null!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("orders in")]
    [InlineData(null)]
    public async Task A_name_that_a_tag_cannot_be_is_refused(string? name)
    {
        Assert.Throws<InvalidOptionsException>(() => _pipeline.ObserveQueue(name!, static () => 1));
        Assert.Throws<InvalidOptionsException>(() => _pipeline.ObserveQueue(name!, Channel.CreateUnbounded<int>().Reader));
        if (name is not null)
        {
            await Assert.ThrowsAsync<InvalidOptionsException>(() => _stage.ProcessAllAsync(
                Channel.CreateUnbounded<int>().Reader, static (_, _) => default(ValueTask), new RecordRunOptions<int> { QueueName = name }, Ct));
        }
    }

    [Fact]
    public void An_observation_that_is_disposed_of_is_gone()
    {
        IDisposable one = _pipeline.ObserveQueue("in", static () => 1);
        using IDisposable two = _pipeline.ObserveQueue("in", static () => 2);

        one.Dispose();
        one.Dispose();

        Assert.Equal([new(Length, 2, "pipeline=orders,queue=in")], _meter.Observe(Length));
    }

    [Fact]
    public void A_disposed_registry_ends_its_observations_and_leaves_those_of_another()
    {
        using ServiceProvider one = Container();
        using ServiceProvider other = Container();
        one.GetRequiredService<PipelineRegistry>().GetPipeline("orders").ObserveQueue("one", static () => 1);
        other.GetRequiredService<PipelineRegistry>().GetPipeline("orders").ObserveQueue("other", static () => 2);
        Assert.Equal(2, _meter.Observe(Length).Count);

        one.Dispose();

        Assert.Equal([new(Length, 2, "pipeline=orders,queue=other")], _meter.Observe(Length));

        ServiceProvider Container()
        {
            var services = new ServiceCollection();
            services.AddPipelineOps().AddPipeline("orders", orders => orders.AddStage("load", options => options.MeterFactory = _meter));
            return services.BuildServiceProvider();
        }
    }

    [Fact]
    public void A_pipeline_whose_last_stage_is_disposed_is_not_observed()
    {
        using PipelineStage other = Stage("other");
        _pipeline.ObserveQueue("in", static () => 1);

        _stage.Dispose();
        _stage.Dispose();
        Assert.Single(_meter.Observe(Length));

        other.Dispose();
        Assert.Empty(_meter.Observe(Length));
        Assert.Empty(_meter.Observe("pipelineops.runs"));
    }

    [Fact]
    public void An_observation_that_nobody_ends_keeps_no_pipeline_alive()
    {
        WeakReference pipeline = Abandon();
        for (int i = 0; i < 10 && pipeline.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(pipeline.IsAlive);
        Assert.Empty(_meter.Observe(Length));
    }

    [Fact]
    public void Observations_of_one_name_are_added_and_the_greater_age_counts()
    {
        using IDisposable one = _pipeline.ObserveQueue("in", static () => 2, static () => TimeSpan.FromSeconds(3));
        using IDisposable two = _pipeline.ObserveQueue("in", static () => 5, static () => TimeSpan.FromSeconds(9));
        using IDisposable three = _pipeline.ObserveQueue("in", static () => 1, static () => null);

        Assert.Equal([new(Length, 8, "pipeline=orders,queue=in")], _meter.Observe(Length));
        Assert.Equal([new(Age, 9, "pipeline=orders,queue=in")], _meter.Observe(Age));
    }

    [Fact]
    public void What_is_negative_is_nothing()
    {
        using IDisposable queue = _pipeline.ObserveQueue("in", static () => -2, static () => TimeSpan.FromSeconds(-3));

        Assert.Equal(0, Assert.Single(_meter.Observe(Length)).Value);
        Assert.Equal(0, Assert.Single(_meter.Observe(Age)).Value);
    }

    [Fact]
    public void A_channel_that_is_observed_twice_under_one_name_counts_once_until_neither_observes_it()
    {
        ChannelReader<int> reader = Filled(4);
        IDisposable one = _pipeline.ObserveQueue("in", reader);
        IDisposable two = _pipeline.ObserveQueue("in", reader);
        using IDisposable another = _pipeline.ObserveQueue("in", Filled(3));

        Assert.Equal(7, Assert.Single(_meter.Observe(Length)).Value);
        one.Dispose();
        Assert.Equal(7, Assert.Single(_meter.Observe(Length)).Value);
        two.Dispose();
        Assert.Equal(3, Assert.Single(_meter.Observe(Length)).Value);
    }

    [Fact]
    public void A_count_of_type_int_is_taken_without_a_cast()
    {
        Channel<int> channel = Channel.CreateUnbounded<int>();
        Queue<int> queue = new([1, 2]);
        channel.Writer.TryWrite(1);
        using IDisposable one = _pipeline.ObserveQueue("one", () => channel.Reader.Count);
        using IDisposable two = _pipeline.ObserveQueue("two", () => queue.Count, () => TimeSpan.FromSeconds(1));

        Assert.Equal([1, 2], _meter.Observe(Length).Select(static m => m.Value));
    }

    [Fact]
    public void The_oldest_record_of_a_channel_has_the_age_that_the_program_tells()
    {
        Channel<DateTimeOffset?> channel = Channel.CreateUnbounded<DateTimeOffset?>();
        using IDisposable queue = _pipeline.ObserveQueue("in", channel.Reader, static time => time);
        Assert.Equal([new(Age, 0, "pipeline=orders,queue=in")], _meter.Observe(Age));

        channel.Writer.TryWrite(_time.GetUtcNow());
        channel.Writer.TryWrite(null);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(5, Assert.Single(_meter.Observe(Age)).Value);

        channel.Reader.TryRead(out _);
        Assert.Empty(_meter.Observe(Age));
    }

    [Fact]
    public void The_oldest_record_of_a_channel_has_the_age_that_a_stage_knows()
    {
        using PipelineStage knowing = Stage("knowing", options => options.Telemetry.DescribeOrigin<Message>(static message => new() { EventTime = message.SentAt }));
        Pipeline pipeline = Pipeline.Create(_stage, knowing);
        Channel<object> channel = Channel.CreateUnbounded<object>();
        using IDisposable queue = pipeline.ObserveQueue("in", channel.Reader);
        Assert.Empty(_meter.Observe(Age));

        channel.Writer.TryWrite(new Message(_time.GetUtcNow()));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(5, Assert.Single(_meter.Observe(Age)).Value);

        channel.Reader.TryRead(out _);
        Assert.Equal(0, Assert.Single(_meter.Observe(Age)).Value);
    }

    [Fact]
    public void A_channel_whose_records_have_no_time_has_no_age()
    {
        using IDisposable queue = _pipeline.ObserveQueue("in", Filled(3));

        Assert.Empty(_meter.Observe(Age));
        Assert.Empty(_log.Entries);
    }

    [Fact]
    public async Task What_a_call_reads_is_observed_while_it_does()
    {
        using PipelineStage stage = Stage("send", options => options.Telemetry.DescribeOrigin<Message>(static message => new() { EventTime = message.SentAt }));
        Channel<Message> channel = Channel.CreateUnbounded<Message>();
        for (int i = 0; i < 5; i++)
            channel.Writer.TryWrite(new(_time.GetUtcNow()));
        _time.Advance(TimeSpan.FromSeconds(5));
        await using var running = new Running<Message>(stage, channel, options: null);
        await running.HasBegun;

        Assert.Equal([new(Length, 4, "pipeline=orders,queue=send.in")], _meter.Observe(Length));
        Assert.Equal([new(Age, 5, "pipeline=orders,queue=send.in")], _meter.Observe(Age));

        await running.DisposeAsync();
        Assert.Empty(_meter.Observe(Length));
        Assert.Empty(_meter.Observe(Age));
    }

    [Fact]
    public async Task What_a_call_reads_has_the_name_that_its_options_say()
    {
        await using var running = new Running<int>(_stage, Channels(3), new() { QueueName = "source" });
        await running.HasBegun;

        Assert.Equal([new(Length, 2, "pipeline=orders,queue=source")], _meter.Observe(Length));
    }

    [Fact]
    public async Task A_channel_that_the_pipeline_observes_is_not_observed_by_the_call_that_reads_it()
    {
        Channel<int> channel = Channels(3);
        await using var running = new Running<int>(_stage, channel, options: null);
        await running.HasBegun;

        IDisposable observation = _pipeline.ObserveQueue("other", channel.Reader);
        Assert.Equal([new(Length, 2, "pipeline=orders,queue=other")], _meter.Observe(Length));

        observation.Dispose();
        Assert.Equal([new(Length, 2, "pipeline=orders,queue=load.in")], _meter.Observe(Length));

        using IDisposable count = _pipeline.ObserveQueue("load.in", () => channel.Reader.Count);
        Assert.Equal([new(Length, 2, "pipeline=orders,queue=load.in")], _meter.Observe(Length));
    }

    [Fact]
    public async Task A_channel_that_two_calls_read_counts_once_until_both_have_ended()
    {
        Channel<int> channel = Channels(5);
        await using var one = new Running<int>(_stage, channel, options: null);
        await one.HasBegun;
        await using var two = new Running<int>(_stage, channel, options: null);
        await two.HasBegun;

        Assert.Equal([new(Length, 3, "pipeline=orders,queue=load.in")], _meter.Observe(Length));
    }

    [Fact]
    public async Task A_sequence_and_a_channel_that_cannot_count_have_no_length()
    {
        Channel<int> channel = Channel.CreateUnbounded<int>(new UnboundedChannelOptions { SingleReader = true });
        channel.Writer.TryWrite(1);
        await using var running = new Running<int>(_stage, channel, options: null);
        await running.HasBegun;
        int lengths = -1;

        await _stage.ProcessAllAsync(
            Filled(1).ReadAllAsync(Ct),
            (int _, CancellationToken _) =>
            {
                lengths = _meter.Observe(Length).Count;
                return default(ValueTask);
            },
            cancellationToken: Ct);

        Assert.Equal(0, lengths);
    }

    private static Channel<int> Channels(int records)
    {
        Channel<int> channel = Channel.CreateUnbounded<int>();
        for (int i = 0; i < records; i++)
            channel.Writer.TryWrite(i);

        return channel;
    }

    private static ChannelReader<int> Filled(int records)
    {
        Channel<int> channel = Channels(records);
        channel.Writer.Complete();
        return channel.Reader;
    }

    private PipelineStage Stage(string name = "load", Action<StageOptions>? configure = null) => PipelineStage.Create("orders", name, TestStage.Options(_time, options =>
    {
        (options.MeterFactory, options.LoggerFactory) = (_meter, _log);
        configure?.Invoke(options);
    }));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference Abandon()
    {
        Pipeline pipeline = Pipeline.Create(PipelineStage.Create("abandoned", "load", TestStage.Options(_time, options => options.MeterFactory = _meter)));
        pipeline.ObserveQueue("in", () => pipeline.Stages.Count);
        Assert.Single(_meter.Observe(Length));
        return new WeakReference(pipeline);
    }

    private sealed record Message(DateTimeOffset SentAt);

    /// <summary>A call whose first record does not end before the test says so.</summary>
    private sealed class Running<T> : IAsyncDisposable
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Channel<T> _channel;
        private readonly Task<RunSummary> _call;

        public Running(PipelineStage stage, Channel<T> channel, RecordRunOptions<T>? options)
        {
            _channel = channel;
            _call = stage.ProcessAllAsync(
                channel.Reader,
                async (T _, CancellationToken _) =>
                {
                    _begun.TrySetResult();
                    await _go.Task;
                },
                options,
                Ct);
        }

        public Task HasBegun => _begun.Task;

        public async ValueTask DisposeAsync()
        {
            _channel.Writer.TryComplete();
            _go.TrySetResult();
            await _call;
        }
    }
}
