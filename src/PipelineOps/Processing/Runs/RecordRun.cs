using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace PipelineOps;

/// <summary>
/// Goes through a source with some workers, each of which reads, processes and acknowledges one record or batch at a time: no more is read than is worked on. Nobody
/// reads while the circuit is open or the failure store is down, and what was refused meanwhile is held and processed again.
/// </summary>
internal abstract class RecordRun<T>
{
    private static readonly TimeSpan FirstHold = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestHold = TimeSpan.FromSeconds(5);

    // The longest that a timer can wait.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly Func<RecordProcessor> _processor;
    private readonly RunOptions<T> _options;
    private readonly StagePolicy _policy;
    private readonly PipelineRun _run;
    private readonly bool _ownsRun;
    private readonly RecordLedger _ledger = new();
    private readonly SkipCounter _skips;
    private readonly Acknowledgements _acknowledgements = new();
    private readonly CancellationTokenSource _stop;

    // Cancelled with the run's token, and when the run fails: what is held then is given back, for nothing may ever let it go on.
    private readonly CancellationTokenSource _release;
    private RunProblem? _problem;

    protected RecordRun(Func<RecordProcessor> processor, RunOptions<T> options, CancellationToken cancellationToken)
    {
        _processor = processor;
        _options = options.Copy();
        _policy = processor().Policy;
        _skips = processor().SkipsOfRun();
        CancellationToken = cancellationToken;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, options.StopReading);
        _release = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        // A current run that has ended is one that somebody forgot to leave, or that a worker outlives.
        PipelineRun? shared = options.Run ?? (PipelineRun.Current is { Status: RunStatus.Running } current ? current : null);
        _ownsRun = shared is null;
        _run = shared ?? new PipelineRun(id: null, _policy.Telemetry.OfPipeline);
    }

    protected CancellationToken CancellationToken { get; }

    /// <summary>Asked for each time: the stage may be reconfigured during the run.</summary>
    protected RecordProcessor Processor => _processor();

    protected abstract int ReadSize { get; }

    protected abstract TimeSpan Linger { get; }

    /// <summary>Whether nobody but the run gets to see the list of the records that were read.</summary>
    protected abstract bool ReusesLists { get; }

    /// <summary>Goes through the source; <paramref name="open"/> gets the token that ends the reading.</summary>
    public async Task<RunSummary> RunAsync(Func<CancellationToken, IRecordSource<T>> open)
    {
        long start = _policy.TimeProvider.GetTimestamp();
        using (_run.Enter(_policy.Telemetry.OfPipeline))
        using (_stop)
        using (_release)
        {
            try
            {
                IRecordSource<T> source = open(_stop.Token);
                using (Observe(source.Channel))
                {
                    var reader = new SourceReader<T>(source, _policy.TimeProvider, _stop.Token);
                    await Task.WhenAll(Enumerable.Range(0, _options.MaxParallelism).Select(_ => Task.Run(() => WorkAsync(reader), CancellationToken.None))).ConfigureAwait(false);
                    bool wasStopped = _stop.IsCancellationRequested;
                    EndReading();
                    await DisposeAsync(reader).ConfigureAwait(false);
                    return End(wasStopped, _policy.TimeProvider.GetElapsedTime(start));
                }
            }
            finally
            {
                // What ends in no other way, as by a defect of ours, is at least counted.
                if (_ownsRun)
                    _run.Abandon();
            }
        }
    }

    /// <summary>Processes records until each is settled or the run stops, and puts a result for each into <paramref name="results"/>.</summary>
    protected abstract ValueTask SettleAsync(List<T> records, RecordResult[] results);

    /// <summary>Waits as records that were given back ask for. Answers whether they may be processed again.</summary>
    /// <param name="next">What they ask for.</param>
    /// <param name="holds">How often they were held before.</param>
    protected async ValueTask<bool> HoldAsync(NextAction next, int holds)
    {
        if (next.Kind == NextActionKind.FailRun || _release.IsCancellationRequested)
            return false;

        if (next.Kind == NextActionKind.OpenCircuit && _policy.Circuit is { } circuit && circuit.RetryAfter != TimeSpan.Zero)
        {
            await circuit.WaitUntilReadyAsync(_release.Token).ConfigureAwait(false);
            return true;
        }

        TimeSpan growing = FirstHold * Math.Pow(2, Math.Min(holds, 10));
        TimeSpan delay = next is { Kind: NextActionKind.RetryAt, At: { } at } ? at - _policy.TimeProvider.GetUtcNow() : growing < LongestHold ? growing : LongestHold;
        delay = delay < FirstHold ? FirstHold : delay < LongestDelay ? delay : LongestDelay;
        await Task.Delay(delay, _policy.TimeProvider, _release.Token).ConfigureAwait(false);
        return true;
    }

    private RunSummary End(bool wasStopped, TimeSpan duration)
    {
        RunOutcome outcome = _problem is not null ? RunOutcome.Failed : wasStopped ? RunOutcome.Stopped : RunOutcome.Completed;
        var summary = new RunSummary(_run.Id, outcome, _ledger.Read(), duration, _problem?.Sentence);
        Debug.Assert(summary.Accounting is { InFlight: 0, Lost: 0 }, "A record of the run has not ended.");
        if (_problem is { } problem)
        {
            var failure = new RunFailedException(_policy.Telemetry.Pipeline, _policy.Telemetry.Stage, summary, problem.Error);
            if (_ownsRun)
                _run.Fail(failure);

            throw failure;
        }

        if (_ownsRun && outcome == RunOutcome.Completed)
            _run.Complete();

        return summary;
    }

    private IDisposable? Observe(ChannelReader<T>? channel)
    {
        StageTelemetry telemetry = _policy.Telemetry;
        try
        {
            return channel is { CanCount: true }
                ? telemetry.OfPipeline.Observe(
                    this, _options.QueueName ?? $"{telemetry.Stage}.in", channel, record => telemetry.Origins.Of(record).EventTime, telemetry.Origins.Knows(typeof(T)), isOfRun: true)
                : null;
        }
        catch (Exception exception)
        {
            // A channel may be user code.
            telemetry.Logs.CallbackFailed("source's ability to count", exception);
            return null;
        }
    }

    private async Task WorkAsync(SourceReader<T> reader)
    {
        // Single records have one list and one result for the whole run; of a batch the handler may keep the list.
        List<T> records = new(1);
        RecordResult[] results = new RecordResult[1];
        while (!_stop.IsCancellationRequested)
        {
            long place;
            string blamed = "the stage threw";
            try
            {
                if (MustWait)
                    await ReadyToReadAsync().ConfigureAwait(false);

                if (ReusesLists)
                    records.Clear();
                else
                    records = [];

                blamed = "the source threw";
                place = await reader.ReadAsync(records, ReadSize, Linger).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                // The source is user code, and the stage may have been disposed of meanwhile.
                Fail(new(blamed, exception));
                return;
            }

            if (place < 0)
                return;

            if (results.Length != records.Count)
                results = new RecordResult[records.Count];

            await ProcessAsync(records, results, place).ConfigureAwait(false);
        }
    }

    private bool MustWait => Processor is var processor && (processor.Recovery.Store.IsClosed || processor.Policy.Circuit is { State: not CircuitState.Closed });

    private async ValueTask ReadyToReadAsync()
    {
        RecordProcessor processor = Processor;
        if (processor.Policy.Circuit is { State: not CircuitState.Closed } circuit)
            await circuit.WaitUntilReadyAsync(_stop.Token).ConfigureAwait(false);

        while (processor.Recovery.Store.IsClosed && await processor.Recovery.Store.WaitAsync(_stop.Token).ConfigureAwait(false) is not null)
            _stop.Token.ThrowIfCancellationRequested();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ProcessAsync(List<T> read, RecordResult[] results, long place)
    {
        _ledger.Begin(read.Count);
        _run.Ledger.Begin(read.Count);
        Array.Fill(results, new RecordResult(Disposition.Returned, 0));
        try
        {
            if (_options.Filter is null)
                await SettleAsync(read, results).ConfigureAwait(false);
            else
                await SettleFilteredAsync(read, results, _options.Filter).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_release.IsCancellationRequested)
        {
            // Stopped while it was held: given back.
        }
        catch (Exception exception)
        {
            Fail(new("the filter or the stage threw", exception));
        }

        foreach (RecordResult result in results)
        {
            _ledger.End(result.Disposition, 1);
            _run.Ledger.End(result.Disposition, 1);
            Judge(result);
        }

        if (_options.Acknowledge is { } acknowledge)
            await AcknowledgeAsync(acknowledge, read, results, place).ConfigureAwait(false);
    }

    private async ValueTask SettleFilteredAsync(List<T> read, RecordResult[] results, Func<T, bool> filter)
    {
        List<T> wanted = [];
        List<int> places = [];
        for (int i = 0; i < read.Count; i++)
        {
            if (filter(read[i]))
            {
                wanted.Add(read[i]);
                places.Add(i);
            }
            else
            {
                results[i] = Processor.LeaveOut();
            }
        }

        if (wanted.Count == 0)
            return;

        var settled = new RecordResult[wanted.Count];
        Array.Fill(settled, new RecordResult(Disposition.Returned, 0));
        try
        {
            await SettleAsync(wanted, settled).ConfigureAwait(false);
        }
        finally
        {
            for (int i = 0; i < settled.Length; i++)
                results[places[i]] = settled[i];
        }
    }

    /// <summary>Fails the run if the record asks for that, or if too many were skipped.</summary>
    private void Judge(in RecordResult result)
    {
        if (result.Next.Kind == NextActionKind.FailRun)
            Fail(result.Problem is { } problem ? new(problem) : result.StoreError is { } storeError ? new("the failure store threw", storeError) : new("a record failed with", result.Error));

        if (!_skips.IsLimited || !result.IsSettled)
            return;

        if (_skips.Add(1, result.Disposition is Disposition.Succeeded or Disposition.Filtered ? 0 : 1) is { } crossed)
        {
            _policy.Telemetry.Logs.SkipLimitCrossed(crossed);
            Fail(new(crossed));
        }
    }

    private async ValueTask AcknowledgeAsync(Func<T, RecordResult, ValueTask> acknowledge, List<T> records, RecordResult[] results, long place)
    {
        if (_options.Ordered && !await _acknowledgements.TurnAsync(place).ConfigureAwait(false))
            return;

        try
        {
            for (int i = 0; i < records.Count; i++)
            {
                if (results[i].IsSettled)
                {
                    await acknowledge(records[i], results[i]).ConfigureAwait(false);
                }
                else if (_options.Ordered)
                {
                    // Nothing behind a record that was given back may be acknowledged.
                    _acknowledgements.End();
                    return;
                }
            }
        }
        catch (Exception exception)
        {
            // User code.
            Fail(new("the acknowledgement threw", exception));
            _acknowledgements.End();
            return;
        }

        if (_options.Ordered)
            _acknowledgements.Pass();
    }

    private void Fail(RunProblem problem)
    {
        if (Interlocked.CompareExchange(ref _problem, problem, null) is not null)
            return;

        EndReading();
        _release.Cancel();
    }

    private void EndReading()
    {
        try
        {
            _stop.Cancel();
        }
        catch (AggregateException exception)
        {
            // The source, which is user code, is told of the stop at once, and may throw through to whoever stops.
            _policy.Telemetry.Logs.CallbackFailed("source's reaction to the stop", exception);
        }
    }

    private async ValueTask DisposeAsync(SourceReader<T> reader)
    {
        try
        {
            await reader.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // The source is user code.
            Fail(new("the source threw when it was disposed", exception));
        }
    }
}
