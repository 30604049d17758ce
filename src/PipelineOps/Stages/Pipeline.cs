using System.Threading.Channels;

namespace PipelineOps;

/// <summary>A named, ordered set of stages, from ingestion to delivery.</summary>
public sealed class Pipeline
{
    private readonly PipelineTelemetry _telemetry;

    internal Pipeline(string name, IReadOnlyList<PipelineStage> stages)
    {
        Name = name;
        Stages = stages;
        _telemetry = stages[0].Telemetry.OfPipeline;
    }

    /// <summary>The pipeline's name, unique in its registry.</summary>
    public string Name { get; }

    /// <summary>The stages, in the order in which they were added.</summary>
    public IReadOnlyList<PipelineStage> Stages { get; }

    /// <summary>
    /// Makes a pipeline without a container, of stages that were made by <see cref="PipelineStage.Create"/>. They stay their owner's to dispose of. Clock, log and meter
    /// of its runs and queues are those of the first stage.
    /// </summary>
    /// <param name="stages">The stages, all of one pipeline, from ingestion to delivery.</param>
    /// <exception cref="ArgumentException">There is no stage, they are not all of one pipeline, or two have one name.</exception>
    public static Pipeline Create(params PipelineStage[] stages)
    {
        ArgumentNullException.ThrowIfNull(stages);
        if (stages.Length == 0)
            throw new ArgumentException("A pipeline has at least one stage.", nameof(stages));

        if (Array.IndexOf(stages, null) >= 0)
            throw new ArgumentException("A stage is null.", nameof(stages));

        string[] pipelines = [.. stages.Select(static stage => stage.Pipeline).Distinct()];
        if (pipelines.Length > 1)
            throw new ArgumentException($"The stages are of several pipelines: {string.Join(", ", pipelines)}. Create each with the same pipeline's name.", nameof(stages));

        foreach (IGrouping<string, PipelineStage> named in stages.GroupBy(static stage => stage.Name).Where(static named => named.Count() > 1))
            throw new ArgumentException($"Stage \"{named.First()}\" is there twice. Stage names are unique in their pipeline.", nameof(stages));

        return new Pipeline(pipelines[0], [.. stages]);
    }

    /// <summary>Gets a stage.</summary>
    /// <param name="name">The stage's name; upper and lower case differ.</param>
    /// <exception cref="KeyNotFoundException">There is no such stage; the message lists those that there are.</exception>
    public PipelineStage GetStage(string name)
    {
        foreach (PipelineStage stage in Stages)
        {
            if (stage.Name == name)
                return stage;
        }

        throw new KeyNotFoundException(
            $"Pipeline \"{Name}\" has no stage \"{name}\". It has: {string.Join(", ", Stages.Select(static stage => stage.Name))}.");
    }

    /// <summary>
    /// Begins a run, which is <see cref="PipelineRun.Current"/> for the calling flow of control, and for all that it starts, until it is disposed: failures, spans and log
    /// lines carry its id. It is counted and measured, and its figures are logged when it ends.
    /// </summary>
    /// <param name="id">Identifies it, in headers too: 1 to 100 characters that are no control characters, nor all blank; <see langword="null"/> for a new id.</param>
    /// <returns>
    /// The run. <see cref="PipelineRun.Complete"/> it, or it is abandoned when it is disposed. Runs that are begun in one flow of control are disposed in the reverse order,
    /// as <c>await using</c> does; those that overlap otherwise need flows of their own.
    /// </returns>
    /// <exception cref="ArgumentException">The id is not such a text.</exception>
    /// <example><code>
    /// await using PipelineRun run = pipeline.BeginRun();
    /// await LoadAsync(orders);
    /// run.Complete();
    /// </code></example>
    public PipelineRun BeginRun(string? id = null) => PipelineRun.Begin(id, _telemetry);

    /// <summary>
    /// Measures how many records wait in a queue, and how long the oldest has waited. Observations of one name are one queue: their lengths are added, and the greater age
    /// counts. They end when they are disposed, and with the registry or the last stage of the pipeline. Observe a channel by the overload for it, where it can count: only
    /// then does <c>ProcessAllAsync</c> know under any name that it is observed already.
    /// </summary>
    /// <param name="name">The queue's name: 1 to 100 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</param>
    /// <param name="length">
    /// Tells how many records wait. Called whenever somebody reads the meter, so it must be quick and answer what is known already. If it throws, that is logged once, and the
    /// queue is not measured until it works again.
    /// </param>
    /// <param name="oldestAge">Tells the age of the record that waits longest, or <see langword="null"/> if that is not known; called as <paramref name="length"/> is.</param>
    /// <returns>Disposing it ends the observation.</returns>
    /// <exception cref="InvalidOptionsException">The name is not valid.</exception>
    public IDisposable ObserveQueue(string name, Func<long> length, Func<TimeSpan?>? oldestAge = null)
    {
        ArgumentNullException.ThrowIfNull(length);
        RequireQueueName(name);
        return _telemetry.Observe(this, name, length, oldestAge);
    }

    /// <summary>
    /// Measures how many records wait in a channel, and the age of the next one, which is the oldest. A channel that is observed twice under one name counts once.
    /// <c>ProcessAllAsync</c> observes the channel that it reads by itself; it does not while this does.
    /// </summary>
    /// <typeparam name="T">The type of the records.</typeparam>
    /// <param name="name">The queue's name: 1 to 100 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</param>
    /// <param name="reader">The channel; one that can count.</param>
    /// <param name="eventTime">
    /// Tells when what a record tells of happened, or <see langword="null"/> if that is not known. Without it the stages are asked, by their
    /// <see cref="TelemetryOptions.DescribeOrigin{T}"/>; the first that knows answers.
    /// </param>
    /// <returns>Disposing it ends the observation.</returns>
    /// <exception cref="ArgumentException">The channel cannot count its records.</exception>
    /// <exception cref="InvalidOptionsException">The name is not valid.</exception>
    public IDisposable ObserveQueue<T>(string name, ChannelReader<T> reader, Func<T, DateTimeOffset?>? eventTime = null)
    {
        ArgumentNullException.ThrowIfNull(reader);
        RequireQueueName(name);
        if (!reader.CanCount)
        {
            throw new ArgumentException(
                $"A {reader.GetType().Name} cannot count its records. Make the channel without SingleReader, or count its records and observe the count: ObserveQueue(\"{name}\", () => count).",
                nameof(reader));
        }

        bool isTimed = eventTime is not null || Stages.Any(static stage => stage.Telemetry.Origins.Knows(typeof(T)));
        return _telemetry.Observe(this, name, reader, eventTime ?? EventTimeOf, isTimed, isOfRun: false);
    }

    /// <summary>The pipeline's name.</summary>
    public override string ToString() => Name;

    internal void EndObservations() => _telemetry.Metered.Queues.RemoveAllOf(this);

    private static void RequireQueueName(string name)
    {
        var problems = new OptionsProblems();
        PipelineNames.Require(problems, name, "queue");
        problems.ThrowIfAny();
    }

    private DateTimeOffset? EventTimeOf<T>(T record)
    {
        foreach (PipelineStage stage in Stages)
        {
            if (stage.Telemetry.Origins.Of(record).EventTime is { } time)
                return time;
        }

        return null;
    }
}
