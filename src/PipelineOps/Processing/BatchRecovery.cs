using System.Diagnostics;
using System.Globalization;

namespace PipelineOps;

/// <summary>
/// What becomes of one batch that did not simply succeed: it is reduced where it is too large, searched for its bad records where its handler's effects
/// allow that, and every record gets a result. What is to be kept is kept at once, at the end.
/// </summary>
internal sealed class BatchRecovery<TRecord, TCall>
    where TCall : struct, IRecordCall<IReadOnlyList<TRecord>, None>
{
    private readonly RecordProcessor _processor;
    private readonly IReadOnlyList<TRecord> _records;
    private readonly TCall _call;
    private readonly BatchReport? _report;
    private readonly BatchEffect _effect;
    private readonly bool _needsWitness;
    private readonly BatchOptions _options;
    private readonly CancellationToken _cancellationToken;
    private readonly RecordResult?[] _results;
    private readonly List<(int Index, FailureRecord Failure, Exception? Error)> _kept = [];

    // Records that failed alone for their size while no call had succeeded yet: whether they are too large or the dependency has no room at all is not known.
    private readonly List<(int Index, CallEnd<None> End)> _oversized = [];
    private bool _anySucceeded;

    // Of the first call in which a record failed that is kept.
    private ActivityContext _span;
    private int _calls;

    // Set once nothing more is to be called: the rest is given back.
    private RecordFailure? _stopped;

    public BatchRecovery(
        RecordProcessor processor,
        IReadOnlyList<TRecord> records,
        int count,
        TCall call,
        BatchReport? report,
        BatchEffect effect,
        bool needsWitness,
        BatchOptions options,
        CancellationToken cancellationToken)
    {
        _processor = processor;
        _records = records;
        _call = call;
        _report = report;
        _effect = effect;
        _needsWitness = needsWitness;
        _options = options;
        _cancellationToken = cancellationToken;
        _results = new RecordResult?[count];
    }

    private StagePolicy Policy => _processor.BatchPolicy;

    private RecordRecovery Recovery => _processor.Recovery;

    /// <summary>Finishes the batch.</summary>
    /// <param name="first">How the call of the whole batch ended; <see langword="null"/> if there was none yet.</param>
    public async ValueTask<BatchResult> RunAsync(CallEnd<None>? first)
    {
        if (first is { } end)
        {
            _calls++;
            await SettleCallAsync(0, _results.Length, end).ConfigureAwait(false);
        }
        else
        {
            await CallInPartsAsync(0, _results.Length).ConfigureAwait(false);
        }

        if (_oversized is [var suspect, ..])
            _stopped ??= Systemic(suspect.End.Failure!);

        GiveBack(0, _results.Length);
        await KeepAsync().ConfigureAwait(false);
        return new BatchResult(Array.ConvertAll(_results, static result => result!.Value), _calls, Next());
    }

    /// <summary>Calls with as many records at a time as the dependency takes.</summary>
    private async ValueTask CallInPartsAsync(int start, int count)
    {
        for (int end = start + count; start < end && _stopped is null;)
        {
            int size = _processor.Capacity.GetSize(end - start);
            await SettleCallAsync(start, size, await CallAsync(_processor.PolicyFor(size), start, size).ConfigureAwait(false)).ConfigureAwait(false);
            start += size;
        }
    }

    private async ValueTask<CallEnd<None>> CallAsync(StagePolicy policy, int start, int count)
    {
        _calls++;
        return await _call.Execute(policy, Part(start, count), _cancellationToken).ConfigureAwait(false);
    }

    private IReadOnlyList<TRecord> Part(int start, int count) =>
        start == 0 && count == _results.Length ? _records : new BatchSlice<TRecord>(_records, start, count);

    /// <summary>Settles the records of a call that has ended, retries included.</summary>
    private async ValueTask SettleCallAsync(int start, int count, CallEnd<None> end)
    {
        if (end.Failure is not { } failure)
        {
            _processor.Capacity.Succeeded(count);
            await SucceedAsync(start, count, end.Attempts).ConfigureAwait(false);
        }
        else if (Recovery.Refusal(in end, _cancellationToken) is { } refusal)
        {
            _stopped = refusal;
        }
        else if (failure.Classification.Strategy == RecoveryStrategy.ReduceBatch)
        {
            if (!_processor.Capacity.Failed(count))
                await SuspectOversizedAsync(start, end).ConfigureAwait(false);
            else if (_effect == BatchEffect.NonIdempotent)
                await EndAsOneAsync(start, count, failure, end.Attempts, batchSize: count).ConfigureAwait(false);
            else
                await CallInPartsAsync(start, count).ConfigureAwait(false);
        }
        else if (count == 1 || _effect == BatchEffect.NonIdempotent || failure.Classification.Strategy == RecoveryStrategy.Propagate)
        {
            await EndAsOneAsync(start, count, failure, end.Attempts, batchSize: count).ConfigureAwait(false);
        }
        else
        {
            await IsolateAsync(start, count, failure).ConfigureAwait(false);
        }
    }

    /// <summary>A record that fails alone for its size is too large only if the dependency takes others.</summary>
    private async ValueTask SuspectOversizedAsync(int index, CallEnd<None> end)
    {
        if (_results.Length == 1)
        {
            // There are no others. Its retries are spent, and what remains is what is done about a record that came alone.
            _results[index] = await RecoverOneAsync(index, end.Failure!, end.Attempts, []).ConfigureAwait(false);
            return;
        }

        _oversized.Add((index, end));
        if (_anySucceeded || !_needsWitness)
            await ConvictOversizedAsync().ConfigureAwait(false);
        else if (_oversized.Count > _options.Witnesses)
            _stopped = Systemic(end.Failure!);
    }

    private async ValueTask ConvictOversizedAsync()
    {
        foreach ((int index, CallEnd<None> end) in _oversized)
            _results[index] = await RecoverOneAsync(index, end.Failure!, end.Attempts, [], isOversized: true).ConfigureAwait(false);

        _oversized.Clear();
    }

    private RecordFailure Systemic(CallFailure failure) => new(
        failure.ToException(), failure.Classification, DispositionReason.Systemic, NextAction.OpenCircuit(Policy.TimeProvider.GetUtcNow() + Policy.Circuit?.RetryAfter));

    private async ValueTask SucceedAsync(int start, int count, int attempts)
    {
        _anySucceeded = true;
        await ConvictOversizedAsync().ConfigureAwait(false);
        if (_report is not null)
        {
            await ReadReportAsync([.. Enumerable.Range(start, count)], attempts).ConfigureAwait(false);
            return;
        }

        for (int i = start; i < start + count; i++)
            _results[i] = new RecordResult(Disposition.Succeeded, attempts);
    }

    private async ValueTask IsolateAsync(int start, int count, CallFailure whole)
    {
        var isolation = new BatchIsolation(count, _needsWitness ? _options : _options.WithoutWitness(), Policy.TimeProvider);
        var own = new Dictionary<int, CallEnd<None>>();
        IReadOnlyList<FailureAttempt> earlier = [.. whole.Attempts.Select(attempt => attempt with { BatchSize = count })];
        int convicted = 0;
        while (_stopped is null && isolation.TryGetNext(out int offset, out int length))
        {
            // A single record gets the benefit of the doubt: one retry, if its error is of the passing kind. Groups get none, so that calls do not multiply.
            StagePolicy policy = length == 1 ? _processor.SingleRetryPolicy : _processor.NoRetryPolicy;
            CallEnd<None> end = await CallAsync(policy, start + offset, length).ConfigureAwait(false);
            if (end.Failure is not { } failure)
            {
                await SucceedAsync(start + offset, length, end.Attempts).ConfigureAwait(false);
                isolation.Succeeded();
            }
            else
            {
                if (length == 1)
                    own[offset] = end;

                _stopped = Recovery.Refusal(in end, _cancellationToken);
                isolation.Failed(isSystemic: _stopped is not null);
            }

            // At once, and not at the end: a recovery may process the record again, before those after it.
            for (; convicted < isolation.Poison.Count; convicted++)
                await ConvictAsync(start, isolation.Poison[convicted], own, earlier).ConfigureAwait(false);
        }

        Policy.Metrics.BatchIsolated(isolation.Calls);
        await EndIsolationAsync(isolation, start, count, own, whole, earlier).ConfigureAwait(false);
    }

    private async ValueTask EndIsolationAsync(
        BatchIsolation isolation, int start, int count, Dictionary<int, CallEnd<None>> own, CallFailure whole, IReadOnlyList<FailureAttempt> earlier)
    {
        int rest = start + isolation.Settled;
        switch (isolation.Outcome)
        {
            case IsolationOutcome.Completed:
                // Every part succeeded: what failed was the size.
                if (isolation.Poison.Count == 0 && whole.ToException() is StageTimeoutException or TimeoutException)
                    _processor.Capacity.Failed(count);

                break;
            case IsolationOutcome.Systemic when _stopped is null && isolation.Suspects.Count == count && (!_needsWitness || own.Values.All(static end => IsRecordsFault(end.Failure!))):
                // Nobody is left to bear witness, but each of the errors is one that its record is to blame for, or there was none time and again.
                for (int i = 0; i < count; i++)
                    await ConvictAsync(start, i, own, earlier).ConfigureAwait(false);

                break;
            case IsolationOutcome.Systemic:
                _stopped ??= Systemic(whole);
                break;
            case IsolationOutcome.SkipLimitReached:
                string crossed = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{isolation.Poison.Count + isolation.Suspects.Count} of {count} records of one batch are bad; the limits are {Limit(nameof(BatchOptions.MaxSkipped), _options.MaxSkipped)} and {Limit(nameof(BatchOptions.MaxSkippedRatio), _options.MaxSkippedRatio)}.");
                Policy.Telemetry.Logs.SkipLimitCrossed(crossed);
                _stopped = new RecordFailure(whole.ToException(), whole.Classification, DispositionReason.Poison, NextAction.FailRun) { Problem = crossed };
                break;
            case IsolationOutcome.Searching:
                // A recovery gave its record back, and with it whatever comes behind.
                break;
            default:
                await EndAsOneAsync(rest, start + count - rest, whole, whole.Attempts.Count, batchSize: count).ConfigureAwait(false);
                break;
        }
    }

    private async ValueTask ConvictAsync(int start, int offset, Dictionary<int, CallEnd<None>> own, IReadOnlyList<FailureAttempt> earlier)
    {
        CallEnd<None> end = own[offset];
        int index = start + offset;
        _results[index] = await RecoverOneAsync(index, end.Failure!, end.Attempts, earlier).ConfigureAwait(false);
    }

    private async ValueTask<RecordResult> RecoverOneAsync(
        int index, CallFailure failure, int attempts, IReadOnlyList<FailureAttempt> earlier, bool isOversized = false, int batchSize = 1)
    {
        TRecord record = _records[index];
        var context = new RecordContext<TRecord, None, SingleOfBatch<TRecord, TCall>>(
            Policy, new(_call, _report, _records, index), record, failure, attempts, batchSize, isOversized);
        context.Follow(earlier);
        RecoveryOutcome outcome = await Recovery.DecideAsync(context, _cancellationToken).ConfigureAwait(false);
        if (outcome.Disposition == Disposition.Succeeded)
        {
            bool isFiltered = context.TotalAttempts > attempts && _report?[0] == BatchReport.State.Filtered;
            return new RecordResult(isFiltered ? Disposition.Filtered : Disposition.Succeeded, context.TotalAttempts);
        }

        RecordFailure failed = RecordRecovery.Describe(context, outcome);
        if (outcome.Disposition == Disposition.Returned)
        {
            _stopped ??= failed;
            return new RecordResult(Disposition.Returned, context.TotalAttempts, failed);
        }

        FailureRecord kept = Compose(index, context, outcome);
        return new RecordResult(kept.Disposition, context.TotalAttempts, failed with { Kept = kept });
    }

    /// <summary>One decision for records that cannot be told apart, all or some of those of the call that failed.</summary>
    private async ValueTask EndAsOneAsync(int start, int count, CallFailure failure, int attempts, int batchSize)
    {
        if (count == 1)
        {
            _results[start] = await RecoverOneAsync(start, failure, attempts, [], batchSize: batchSize).ConfigureAwait(false);
            return;
        }

        var context = new RecordContext<IReadOnlyList<TRecord>, None, TCall>(Policy, _call, Part(start, count), failure, attempts, batchSize);
        RecoveryOutcome outcome = await Recovery.DecideAsync(context, _cancellationToken).ConfigureAwait(false);
        RecordFailure failed = RecordRecovery.Describe(context, outcome);
        if (outcome.Disposition == Disposition.Returned)
            _stopped ??= failed;

        if (outcome.Disposition == Disposition.Succeeded && _report?.Count == count && context.TotalAttempts > attempts)
        {
            // The call that the recovery made threw nothing: what became of each record is in its report.
            await ReadReportAsync([.. Enumerable.Range(start, count)], context.TotalAttempts).ConfigureAwait(false);
            return;
        }

        for (int i = start; i < start + count; i++)
        {
            if (outcome.Disposition is Disposition.Succeeded or Disposition.Returned)
            {
                _results[i] = new RecordResult(outcome.Disposition.Value, context.TotalAttempts, outcome.Disposition == Disposition.Returned ? failed : null);
                continue;
            }

            FailureRecord kept = Compose(i, context, outcome);
            _results[i] = new RecordResult(kept.Disposition, context.TotalAttempts, failed with { Kept = kept });
        }
    }

    /// <summary>Settles records by what the handler reported of them; those whose error passes are tried again, alone.</summary>
    private async ValueTask ReadReportAsync(int[] indexes, int attempts)
    {
        TimeSpan delay = TimeSpan.Zero;
        var history = new Dictionary<int, List<FailureAttempt>>();
        for (int retry = 1; ; retry++)
        {
            List<(int Index, CallFailure Failure)> failed = [];
            for (int i = 0; i < indexes.Length; i++)
            {
                switch (_report![i])
                {
                    case BatchReport.State.Succeeded:
                        _results[indexes[i]] = new RecordResult(Disposition.Succeeded, attempts);
                        break;
                    case BatchReport.State.Filtered:
                        _results[indexes[i]] = new RecordResult(Disposition.Filtered, attempts);
                        break;
                    case BatchReport.State.Failed:
                        CallFailure own = Failure(_report.ErrorOf(i));
                        failed.Add((indexes[i], own));
                        Remember(history, indexes[i], new(attempts, Policy.TimeProvider.GetUtcNow(), delay, own.ErrorType, indexes.Length));
                        break;
                    default:
                        Unmentioned(indexes[i], attempts);
                        break;
                }
            }

            ILookup<bool, (int Index, CallFailure Failure)> passes = failed.ToLookup(entry => entry.Failure.Classification.IsRetryable && retry <= Policy.MaxRetries);
            foreach ((int index, CallFailure failure) in passes[false])
                _results[index] = await RecoverOneAsync(index, failure, attempts, history[index]).ConfigureAwait(false);

            (int Index, CallFailure Failure)[] again = [.. passes[true]];
            if (again.Length == 0)
                return;

            delay = Policy.NextDelay(again[0].Failure.Classification, retry, delay);
            await Task.Delay(delay, Policy.TimeProvider, _cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _calls++;
            indexes = [.. again.Select(static entry => entry.Index)];
            CallEnd<None> end = await _call.Execute(_processor.NoRetryPolicy, new BatchSelection<TRecord>(_records, indexes), _cancellationToken).ConfigureAwait(false);
            if (end.Failure is { } thrown)
            {
                // The call as a whole failed: each record keeps the error that it had of its own.
                if (Recovery.Refusal(in end, _cancellationToken) is { } refusal)
                {
                    _stopped = refusal;
                    return;
                }

                foreach ((int index, CallFailure failure) in again)
                {
                    foreach (FailureAttempt attempt in thrown.Attempts)
                        Remember(history, index, attempt with { Number = attempts + attempt.Number, Delay = delay, BatchSize = again.Length });

                    _results[index] = await RecoverOneAsync(index, failure, attempts + end.Attempts, history[index]).ConfigureAwait(false);
                }

                return;
            }

            attempts++;
        }
    }

    private void Unmentioned(int index, int attempts)
    {
        var context = new RecordContext<TRecord, None, SingleOfBatch<TRecord, TCall>>(
            Policy,
            new(_call, _report, _records, index),
            _records[index],
            new CallFailure(new AttemptFailure(null, ErrorClassification.Unknown)) { Span = _report!.Span },
            attempts,
            _results.Length);
        RecoveryOutcome outcome = RecoveryOutcome.Keep(Disposition.FailedUnknown, DispositionReason.Unreported, NextAction.Continue);
        FailureRecord kept = Compose(index, context, outcome);
        _results[index] = new RecordResult(Disposition.FailedUnknown, attempts, RecordRecovery.Describe(context, outcome) with { Kept = kept });
    }

    private FailureRecord Compose(int index, RecoveryContext context, in RecoveryOutcome outcome)
    {
        if (_span == default)
            _span = context.Span;

        FailureRecord failure = Recovery.Compose(_records[index], context, outcome);
        _kept.Add((index, failure, context.Error));
        return failure;
    }

    private CallFailure Failure(Exception error) => new(error, Policy.ErrorClassifier.Classify(error, _cancellationToken)) { Span = _report!.Span };

    private static void Remember(Dictionary<int, List<FailureAttempt>> history, int index, FailureAttempt attempt)
    {
        if (!history.TryGetValue(index, out List<FailureAttempt>? attempts))
            history.Add(index, attempts = []);

        attempts.Add(attempt);
    }

    /// <summary>Gives every record back that has no result.</summary>
    private void GiveBack(int start, int count)
    {
        for (int i = start; i < start + count; i++)
            _results[i] ??= new RecordResult(Disposition.Returned, 0, _stopped ?? new(null, default, DispositionReason.Systemic, NextAction.Requeue));
    }

    private async ValueTask KeepAsync()
    {
        if (_kept.Count == 0)
            return;

        if (await Recovery.KeepAsync([.. _kept.Select(static kept => (kept.Failure, kept.Error))], _span, _cancellationToken).ConfigureAwait(false) is { } storeError)
        {
            foreach ((int index, _, _) in _kept)
                _results[index] = _results[index]!.Value.Unkept(failed => Recovery.Unkept(failed, storeError));
        }
    }

    private NextAction Next()
    {
        NextAction gravest = NextAction.Continue;
        foreach (RecordResult? result in _results)
        {
            if (Gravity(result!.Value.Next.Kind) > Gravity(gravest.Kind))
                gravest = result.Value.Next;
        }

        return gravest;

        static int Gravity(NextActionKind kind) => kind switch
        {
            NextActionKind.Continue => 0,
            NextActionKind.Park => 1,
            NextActionKind.Requeue => 2,
            NextActionKind.RetryAt => 3,
            NextActionKind.OpenCircuit => 4,
            _ => 5,
        };
    }

    private static bool IsRecordsFault(CallFailure failure) => failure.Classification is { Circuit: CircuitEffect.Neutral, IsRetryable: false };

    private static string Limit(string name, IFormattable? value) => $"{name} {value?.ToString(null, CultureInfo.InvariantCulture) ?? "none"}";
}
