using System.Threading.Channels;

namespace PipelineOps;

public sealed partial class PipelineStage
{
    /// <summary>
    /// Processes every record of a sequence: reads as fast as its workers go and no faster, not at all while the circuit is open or the failure store is down, and ends
    /// when the source ends, when it is told to stop, or when it cannot go on.
    /// </summary>
    /// <typeparam name="T">The type of the records.</typeparam>
    /// <param name="source">Where the records come from.</param>
    /// <param name="handler">Does the stage's work on a record; invoked once for each attempt.</param>
    /// <param name="options">How to go through the source; <see langword="null"/> for the defaults.</param>
    /// <param name="cancellationToken">Stops the run; records in flight are cancelled, and returned if they do not end otherwise.</param>
    /// <returns>What the run did.</returns>
    /// <exception cref="RunFailedException">The run could not go on. Carries the summary.</exception>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public Task<RunSummary> ProcessAllAsync<T>(
        IAsyncEnumerable<T> source,
        Func<T, CancellationToken, ValueTask> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, None, VoidRecordCall<T, PlainHandler<T, ValueTask>>>(Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(IAsyncEnumerable{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler can leave records out.</remarks>
    public Task<RunSummary> ProcessAllAsync<T>(
        IAsyncEnumerable<T> source,
        Func<T, CancellationToken, ValueTask<RecordOutcome>> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, RecordOutcome, ValueRecordCall<T, PlainHandler<T, ValueTask<RecordOutcome>>, RecordOutcome>>(
            Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(IAsyncEnumerable{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and succeeds or throws as a whole.</remarks>
    public Task<RunSummary> ProcessAllAsync<T>(
        IAsyncEnumerable<T> source,
        Func<IReadOnlyList<T>, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, BatchCall<T, PlainHandler<IReadOnlyList<T>, ValueTask>>>(
            Source(source), handler, _ => new(new(handler)), reports: false, options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(IAsyncEnumerable{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and reports on each record; one that it does not mention is failed-unknown.</remarks>
    public Task<RunSummary> ProcessAllAsync<T>(
        IAsyncEnumerable<T> source,
        Func<IReadOnlyList<T>, BatchReport, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, BatchCall<T, ReportHandler<T>>>(
            Source(source), handler, report => new(new(handler, report!)), reports: true, options, cancellationToken);

    /// <summary>
    /// Processes every record of a channel: reads as fast as its workers go and no faster, not at all while the circuit is open or the failure store is down, and ends
    /// when the source ends, when it is told to stop, or when it cannot go on.
    /// </summary>
    /// <typeparam name="T">The type of the records.</typeparam>
    /// <param name="source">Where the records come from.</param>
    /// <param name="handler">Does the stage's work on a record; invoked once for each attempt.</param>
    /// <param name="options">How to go through the source; <see langword="null"/> for the defaults.</param>
    /// <param name="cancellationToken">Stops the run; records in flight are cancelled, and returned if they do not end otherwise.</param>
    /// <returns>What the run did.</returns>
    /// <exception cref="RunFailedException">The run could not go on. Carries the summary.</exception>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public Task<RunSummary> ProcessAllAsync<T>(
        ChannelReader<T> source,
        Func<T, CancellationToken, ValueTask> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, None, VoidRecordCall<T, PlainHandler<T, ValueTask>>>(Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(ChannelReader{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler can leave records out.</remarks>
    public Task<RunSummary> ProcessAllAsync<T>(
        ChannelReader<T> source,
        Func<T, CancellationToken, ValueTask<RecordOutcome>> handler,
        RecordRunOptions<T>? options = null,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, RecordOutcome, ValueRecordCall<T, PlainHandler<T, ValueTask<RecordOutcome>>, RecordOutcome>>(
            Source(source), handler, () => new(new(handler)), options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(ChannelReader{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and succeeds or throws as a whole.</remarks>
    public Task<RunSummary> ProcessAllAsync<T>(
        ChannelReader<T> source,
        Func<IReadOnlyList<T>, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, BatchCall<T, PlainHandler<IReadOnlyList<T>, ValueTask>>>(
            Source(source), handler, _ => new(new(handler)), reports: false, options, cancellationToken);

    /// <inheritdoc cref="ProcessAllAsync{T}(ChannelReader{T}, Func{T, CancellationToken, ValueTask}, RecordRunOptions{T}, CancellationToken)"/>
    /// <remarks>The handler gets batches, and reports on each record; one that it does not mention is failed-unknown.</remarks>
    public Task<RunSummary> ProcessAllAsync<T>(
        ChannelReader<T> source,
        Func<IReadOnlyList<T>, BatchReport, CancellationToken, ValueTask> handler,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken = default) =>
        RunAsync<T, BatchCall<T, ReportHandler<T>>>(
            Source(source), handler, report => new(new(handler, report!)), reports: true, options, cancellationToken);

    /// <summary>
    /// Processes the stage's failures again, from the payloads in its failure store. A record that fails again is kept as a new failure, the child of the one that was sent,
    /// with the attempts so far.
    /// </summary>
    /// <typeparam name="T">
    /// The type that the records had when they failed. A failure does not know it: JSON of another type may be read as an empty record of this one, unless the
    /// payload serializer's options disallow unmapped members.
    /// </typeparam>
    /// <param name="handler">Does the stage's work on a record; invoked once for each attempt.</param>
    /// <param name="options">Which failures, of this stage, and how fast; <see langword="null"/> for all.</param>
    /// <param name="cancellationToken">Stops the redrive; what is claimed is given back.</param>
    /// <returns>What was sent. A failure whose payload is missing, cut, redacted or cannot be read, or whose record the stage gives back, stays open and is counted as failed.</returns>
    /// <exception cref="ArgumentException">The filter names another pipeline or stage.</exception>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    /// <exception cref="OperationCanceledException">The redrive was stopped.</exception>
    public ValueTask<RedriveSummary> RedriveAsync<T>(
        Func<T, CancellationToken, ValueTask> handler, RedriveOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        options = options?.Copy() ?? new RedriveOptions();
        FailureFilter filter = options.Filter ?? FailureFilter.All;
        if ((filter.Pipeline ?? Pipeline) != Pipeline || (filter.Stage ?? Name) != Name)
        {
            throw new ArgumentException(
                $"The filter asks for failures of {filter.Pipeline ?? Pipeline}/{filter.Stage ?? Name}, but stage {this} redrives its own. Leave pipeline and stage out, or ask that stage.",
                nameof(options));
        }

        options.Filter = filter with { Pipeline = Pipeline, Stage = Name };
        bool allowRedacted = options.AllowRedacted;
        RecordProcessor records = Records;
        return new FailureRedrive(records.Recovery.Store.Open(), records.Policy.TimeProvider).RunAsync(
            options, (failure, ct) => Records.RedriveAsync<T, None, VoidRecordCall<T, PlainHandler<T, ValueTask>>>(failure, new(new(handler)), allowRedacted, ct), cancellationToken);
    }

    private static Func<CancellationToken, IRecordSource<T>> Source<T>(IAsyncEnumerable<T> source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return stop => new EnumerableSource<T>(source, stop);
    }

    private static Func<CancellationToken, IRecordSource<T>> Source<T>(ChannelReader<T> source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return stop => new ChannelSource<T>(source, stop);
    }

    private Task<RunSummary> RunAsync<T, TValue, TCall>(
        Func<CancellationToken, IRecordSource<T>> source,
        Delegate handler,
        Func<TCall> newCall,
        RecordRunOptions<T>? options,
        CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<T, TValue>
    {
        options ??= new RecordRunOptions<T>();
        Validate(handler, options);
        return new SingleRun<T, TValue, TCall>(() => Records, options, newCall, cancellationToken).RunAsync(source);
    }

    private Task<RunSummary> RunAsync<T, TCall>(
        Func<CancellationToken, IRecordSource<T>> source,
        Delegate handler,
        Func<BatchReport?, TCall> newCall,
        bool reports,
        BatchRunOptions<T> options,
        CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<IReadOnlyList<T>, None>
    {
        ArgumentNullException.ThrowIfNull(options);
        Validate(handler, options);
        return new BatchRun<T, TCall>(() => Records, options, newCall, reports, cancellationToken).RunAsync(source);
    }

    private void Validate<T>(Delegate handler, RunOptions<T> options)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var problems = new OptionsProblems { Prefix = $"{this}: " };
        options.Validate(problems);
        if (options.QueueName is not null)
            PipelineNames.Require(problems, options.QueueName, "queue");

        problems.ThrowIfAny();
    }
}
