using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>What a pipeline tells as a whole: of its runs and its queues. Each stage has one, with its own log, meter and clock; the pipeline itself uses that of its first.</summary>
internal sealed class PipelineTelemetry
{
    private readonly TelemetryMeter _meter;
    private int _hasLeft;

    public PipelineTelemetry(string name, TelemetryMeter meter, ILogger logger, TimeProvider timeProvider)
    {
        _meter = meter;
        Name = name;
        TimeProvider = timeProvider;
        Logs = new PipelineLogs(name, logger);
        Metered = meter.Pipelines.Join(name);
    }

    public string Name { get; }

    public TimeProvider TimeProvider { get; }

    public PipelineLogs Logs { get; }

    public MeteredPipeline Metered { get; }

    /// <summary>The stage is disposed. Once its last stage is, nothing is observed of the pipeline any more.</summary>
    public void Leave()
    {
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0)
            _meter.Pipelines.Leave(Metered);
    }

    public void RunBegan() => Metered.Runs.Begin();

    public void RunEnded(RunStatus status, TimeSpan duration)
    {
        Metered.Runs.End(status);
        if (!PipelineOpsTelemetry.IsSupported)
            return;

        try
        {
            _meter.Runs.Duration.Record(duration.TotalSeconds, Metered.Tag, new("status", status.ToTag()));
        }
        catch (Exception exception)
        {
            // A listener's fault must not become the run's.
            Logs.CallbackFailed("meter listener", exception);
        }
    }

    /// <summary>Observes a queue that callbacks know.</summary>
    public IDisposable Observe(object owner, string name, Func<long> length, Func<TimeSpan?>? oldestAge) =>
        Add(new ObservedQueue(name, length, oldestAge, this) { Owner = owner });

    /// <summary>Observes a channel that can count.</summary>
    /// <param name="owner">Who wants that; a run for its source.</param>
    /// <param name="name">The queue's name.</param>
    /// <param name="reader">The channel.</param>
    /// <param name="eventTime">When what a record tells of happened, if that is known.</param>
    /// <param name="isTimed">Whether that is known for sure.</param>
    /// <param name="isOfRun">Whether nobody has asked for it.</param>
    public IDisposable Observe<T>(object owner, string name, ChannelReader<T> reader, Func<T, DateTimeOffset?> eventTime, bool isTimed, bool isOfRun) =>
        Add(new ObservedQueue(name, () => reader.Count, reader.CanPeek ? new ChannelAge<T>(reader, eventTime, isTimed, TimeProvider).Read : null, this)
        {
            Owner = owner,
            Channel = reader,
            IsOfRun = isOfRun,
        });

    private ObservedQueue Add(ObservedQueue queue)
    {
        Metered.Queues.Add(queue);
        return queue;
    }
}
