using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>
/// A stage's record level: calls the handler through the executor, and lets a recovery decide on what failed. Every record that begins is counted, and
/// counted again where it ends, whatever happens in between.
/// </summary>
internal sealed class RecordProcessor : IDisposable
{
    private static readonly Disposition[] Dispositions = Enum.GetValues<Disposition>();

    private readonly BatchOptions _batches;
    private readonly StoreGate _store;
    private readonly bool _isLimited;
    private readonly bool _measuresAge;
    private readonly SkipLimits _skipLimits;

    public RecordProcessor(StagePolicy policy, RecoveryOptions options, RecordLedger ledger)
    {
        Policy = policy;
        Ledger = ledger;
        Skips = new SkipCounter(options.SkipLimits, policy.TimeProvider);
        _isLimited = Skips.IsLimited;
        Recovery = new RecordRecovery(policy, options);
        _store = Recovery.Store;
        Capacity = new BatchCapacity(options.Batches, policy.TimeProvider);
        BatchPolicy = policy with { LeavesReduction = true };
        NoRetryPolicy = policy with { MaxRetries = 0 };
        SingleRetryPolicy = BatchPolicy with { MaxRetries = Math.Min(1, policy.MaxRetries) };
        _batches = options.Batches;
        _skipLimits = options.SkipLimits;
        _measuresAge = policy.Telemetry.Origins.Any;
    }

    public StagePolicy Policy { get; }

    /// <summary>For batches, which are made smaller instead of being tried again when they are too large.</summary>
    public StagePolicy BatchPolicy { get; }

    /// <summary>For the calls of an isolation, which must not multiply.</summary>
    public StagePolicy NoRetryPolicy { get; }

    /// <summary>For the calls of an isolation that decide on a single record.</summary>
    public StagePolicy SingleRetryPolicy { get; }

    /// <summary>What the dependency takes at once, kept over all batches.</summary>
    public BatchCapacity Capacity { get; }

    public RecordLedger Ledger { get; }

    public SkipCounter Skips { get; }

    public RecordRecovery Recovery { get; }

    public void Dispose() => Recovery.Dispose();

    /// <summary>For a call with so many records: one alone cannot be made smaller, and is tried again instead.</summary>
    public StagePolicy PolicyFor(int records) => records == 1 ? Policy : BatchPolicy;

    /// <summary>Counts a run's records against the limits of a run.</summary>
    public SkipCounter SkipsOfRun() => SkipCounter.ForRun(_skipLimits);

    /// <summary>Counts a record that a filter leaves out.</summary>
    public RecordResult LeaveOut()
    {
        Ledger.Begin(1);
        Ledger.End(Disposition.Filtered, 1);
        return new RecordResult(Disposition.Filtered, 0);
    }

    /// <summary>The commonest kind of handler, whose success at once takes no state machine.</summary>
    public ValueTask<RecordResult> ProcessAsync<TRecord>(
        TRecord record, Func<TRecord, CancellationToken, ValueTask> handler, CancellationToken cancellationToken)
    {
        if (_isLimited || _store.IsClosed)
            return WithoutValue(ProcessAsync<TRecord, None, VoidRecordCall<TRecord, PlainHandler<TRecord, ValueTask>>>(record, new(new(handler)), cancellationToken));

        RecordLedger.ThreadCounts counts = Ledger.Current;
        counts.Begin(1);
        if (StageExecutor.TryComplete(Policy, handler, record, cancellationToken, out ValueTask<CallEnd<None>> pending))
        {
            if (_measuresAge)
                MeasureAge(record);

            counts.End(Disposition.Succeeded, 1);
            return new(new RecordResult(Disposition.Succeeded, 1));
        }

        // As of a call that is traced, or that was refused.
        if (pending.IsCompletedSuccessfully)
        {
            CallEnd<None> end = pending.Result;
            if (end.Failure is null)
            {
                if (_measuresAge)
                    MeasureAge(record);

                Ledger.End(Disposition.Succeeded, 1);
                return new(new RecordResult(Disposition.Succeeded, end.Attempts));
            }

            pending = new(end);
        }

        return WithoutValue(FinishAsync<TRecord, None, VoidRecordCall<TRecord, PlainHandler<TRecord, ValueTask>>>(
            pending, record, new(new(handler)), parent: null, cancellationToken));
    }

    /// <summary>Any kind of handler.</summary>
    public ValueTask<RecordResult<T>> ProcessAsync<TRecord, T, TCall>(TRecord record, TCall call, CancellationToken cancellationToken, FailureRecord? parent = null)
        where TCall : struct, IRecordCall<TRecord, T>
    {
        if (_store.IsClosed)
            return ProcessOnceStoreWorksAsync<TRecord, T, TCall>(record, call, parent, cancellationToken);

        Ledger.Begin(1);
        ValueTask<CallEnd<T>> pending = call.Execute(Policy, record, cancellationToken);
        if (!pending.IsCompletedSuccessfully)
            return FinishAsync<TRecord, T, TCall>(pending, record, call, parent, cancellationToken);

        CallEnd<T> end = pending.Result;
        if (end.Failure is not null || _isLimited)
            return FinishAsync<TRecord, T, TCall>(new(end), record, call, parent, cancellationToken);

        if (_measuresAge)
            MeasureAge(record);

        Disposition disposition = DispositionOf(end.Value);
        Ledger.End(disposition, 1);
        return new(new RecordResult<T>(end.Value, new RecordResult(disposition, end.Attempts)));
    }

    /// <summary>Processes the record of a failure again.</summary>
    /// <exception cref="InvalidDataException">There is no whole payload to process.</exception>
    public async ValueTask<RedriveOutcome> RedriveAsync<TRecord, T, TCall>(
        FailureRecord failure, TCall call, bool allowRedacted, CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<TRecord, T>
    {
        StageSpans spans = Policy.Telemetry.Spans;
        Activity? redrive = StageSpans.IsTracing ? spans.StartRedrive(failure.Id, failure.RedriveCount, failure.RecordKey, failure.TraceParent) : null;
        Exception? error = null;
        try
        {
            TRecord record = Recovery.ReadPayload<TRecord>(failure, allowRedacted);
            RecordResult result = await ProcessAsync<TRecord, T, TCall>(record, call, cancellationToken, failure).ConfigureAwait(false);
            if (result.IsSettled)
            {
                error = result.Error;
                return result.Failure is null ? RedriveOutcome.Redriven : RedriveOutcome.FailedAgain;
            }

            cancellationToken.ThrowIfCancellationRequested();
            throw result.StoreError ?? result.Error ?? new InvalidOperationException($"Stage {Policy.Telemetry.Name} gave the record back: {result}.");
        }
        catch (Exception exception)
        {
            error = exception;
            throw;
        }
        finally
        {
            if (redrive is not null)
                spans.End(redrive, error);
        }
    }

    /// <summary>A batch, with a report if its handler gives one.</summary>
    public ValueTask<BatchResult> ProcessBatchAsync<TRecord, TCall>(
        IReadOnlyList<TRecord> records, TCall call, BatchReport? report, BatchEffect effect, CancellationToken cancellationToken, bool needsWitness = true)
        where TCall : struct, IRecordCall<IReadOnlyList<TRecord>, None>
    {
        // Asked once: what began is what has to end, whatever becomes of the list.
        int count = records.Count;
        if (count == 0)
            return new(new BatchResult(0, 0));

        Ledger.Begin(count);
        Policy.Metrics.BatchBegan(count);
        if (_store.IsClosed || Capacity.Limit < count)
            return FinishBatchAsync(null, records, count, call, report, effect, needsWitness, cancellationToken);

        ValueTask<CallEnd<None>> pending = call.Execute(PolicyFor(count), records, cancellationToken);
        if (!pending.IsCompletedSuccessfully)
            return FinishBatchAsync(pending, records, count, call, report, effect, needsWitness, cancellationToken);

        CallEnd<None> end = pending.Result;
        if (end.Failure is not null || report is not null || _isLimited)
            return FinishBatchAsync(new(end), records, count, call, report, effect, needsWitness, cancellationToken);

        if (_measuresAge)
            MeasureAges(records, count);

        Ledger.End(Disposition.Succeeded, count);
        return new(new BatchResult(count, end.Attempts));
    }

    private async ValueTask<BatchResult> FinishBatchAsync<TRecord, TCall>(
        ValueTask<CallEnd<None>>? pending,
        IReadOnlyList<TRecord> records,
        int count,
        TCall call,
        BatchReport? report,
        BatchEffect effect,
        bool needsWitness,
        CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<IReadOnlyList<TRecord>, None>
    {
        BatchResult? ended = null;
        try
        {
            CallEnd<None>? first = pending is null ? null : await pending.Value.ConfigureAwait(false);
            BatchResult result;
            if (first is { Failure: null } && report is null)
                result = new BatchResult(count, first.Value.Attempts);
            else if (first is null && await _store.WaitAsync(cancellationToken).ConfigureAwait(false) is { } storeError)
                result = Returned(count, Recovery.StoreIsDown(storeError));
            else
            {
                var recovery = new BatchRecovery<TRecord, TCall>(this, records, count, call, report, effect, needsWitness, _batches, cancellationToken);

                // One that is neither searched nor made smaller makes no further calls.
                bool isSearched = count > 1 && effect != BatchEffect.NonIdempotent;
                Activity? span = isSearched ? Policy.Telemetry.Spans.StartRecovery(first?.Failure?.Span ?? default, count) : null;
                try
                {
                    result = await recovery.RunAsync(first).ConfigureAwait(false);
                }
                finally
                {
                    if (span is not null)
                        Policy.Telemetry.Spans.End(span, error: null);
                }
            }

            ended = result;
            if (_measuresAge)
                MeasureAges(records, count, result);

            return _isLimited ? Limit(result) : result;
        }
        finally
        {
            // What ends in no other way, as by a defect of ours, is at least counted.
            if (ended is { } result)
            {
                foreach (Disposition disposition in Dispositions)
                    Ledger.End(disposition, result.CountOf(disposition));
            }
            else
            {
                Ledger.End(Disposition.FailedUnknown, count);
            }
        }
    }

    private static BatchResult Returned(int count, RecordFailure failure) =>
        new([.. Enumerable.Repeat(new RecordResult(Disposition.Returned, 0, failure), count)], 0, failure.Next);

    private BatchResult Limit(BatchResult result)
    {
        int returned = result.CountOf(Disposition.Returned);
        int skipped = result.Count - returned - result.CountOf(Disposition.Succeeded) - result.CountOf(Disposition.Filtered);
        if (Skips.Add(result.Count - returned, skipped) is not { } crossed)
            return result;

        Policy.Telemetry.Logs.SkipLimitCrossed(crossed);
        return result.FailingRun(crossed);
    }

    private async ValueTask<RecordResult<T>> ProcessOnceStoreWorksAsync<TRecord, T, TCall>(
        TRecord record, TCall call, FailureRecord? parent, CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<TRecord, T>
    {
        Ledger.Begin(1);
        if (await _store.WaitAsync(cancellationToken).ConfigureAwait(false) is { } error)
        {
            Ledger.End(Disposition.Returned, 1);
            return new(default, new RecordResult(Disposition.Returned, 0, Recovery.StoreIsDown(error)));
        }

        return await FinishAsync<TRecord, T, TCall>(call.Execute(Policy, record, cancellationToken), record, call, parent, cancellationToken).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordResult<T>> FinishAsync<TRecord, T, TCall>(
        ValueTask<CallEnd<T>> pending, TRecord record, TCall call, FailureRecord? parent, CancellationToken cancellationToken)
        where TCall : struct, IRecordCall<TRecord, T>
    {
        // What ends in no other way, as by a defect of ours, is at least counted.
        Disposition disposition = Disposition.FailedUnknown;
        try
        {
            CallEnd<T> end = await pending.ConfigureAwait(false);
            RecordResult<T> result = end.Failure is null
                ? new(end.Value, new RecordResult(DispositionOf(end.Value), end.Attempts))
                : await Recovery.RecoverAsync<TRecord, T, TCall>(record, call, end, parent, cancellationToken).ConfigureAwait(false);
            disposition = result.Disposition;
            if (_measuresAge && disposition != Disposition.Returned)
                MeasureAge(record);

            return _isLimited ? Limit(result) : result;
        }
        finally
        {
            Ledger.End(disposition, 1);
        }
    }

    private void MeasureAge<TRecord>(TRecord record)
    {
        if (Policy.Metrics.WantsAges && Policy.Telemetry.Origins.Of(record).EventTime is { } time)
            Policy.Metrics.RecordEnded(Policy.TimeProvider.GetUtcNow() - time);
    }

    private void MeasureAges<TRecord>(IReadOnlyList<TRecord> records, int count, in BatchResult? result = null)
    {
        if (!Policy.Metrics.WantsAges)
            return;

        try
        {
            for (int i = 0; i < count; i++)
            {
                if (result is null || result.Value[i].IsSettled)
                    MeasureAge(records[i]);
            }
        }
        catch (Exception exception)
        {
            // The list is the user's, who may have emptied it by now; the records have ended all the same.
            Policy.Telemetry.Logs.CallbackFailed("list of records", exception);
        }
    }

    /// <summary>Counts the record against the stage's limits, and fails the run if it crosses one.</summary>
    private RecordResult<T> Limit<T>(RecordResult<T> result)
    {
        if (!result.IsSettled || Skips.Add(1, result.Disposition is Disposition.Succeeded or Disposition.Filtered ? 0 : 1) is not { } crossed)
            return result;

        Policy.Telemetry.Logs.SkipLimitCrossed(crossed);
        return new(result.Value, result.ToRecordResult().FailingRun(crossed));
    }

    /// <summary>How a record ends whose handler answered so.</summary>
    public static Disposition DispositionOf<T>(T? value) =>
        typeof(T) == typeof(RecordOutcome) && (RecordOutcome)(object)value! == RecordOutcome.Filtered ? Disposition.Filtered : Disposition.Succeeded;

    public static ValueTask<RecordResult> WithoutValue(ValueTask<RecordResult<None>> pending)
    {
        return pending.IsCompletedSuccessfully ? new(pending.Result.ToRecordResult()) : AwaitAsync(pending);

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        static async ValueTask<RecordResult> AwaitAsync(ValueTask<RecordResult<None>> pending) => await pending.ConfigureAwait(false);
    }
}
