using System.Diagnostics;

namespace PipelineOps;

/// <summary>A batch handler that wants to know of its attempt.</summary>
internal readonly struct BatchAttemptHandler<TRecord, TState>(Func<IReadOnlyList<TRecord>, TState, BatchAttempt, CancellationToken, ValueTask> handler, TState state)
    : IRecordHandler<IReadOnlyList<TRecord>, ValueTask>
{
    public ValueTask Invoke(IReadOnlyList<TRecord> record, in StageAttempt attempt, CancellationToken cancellationToken) =>
        RecordHandler.Invoke(handler, record, state, new BatchAttempt(in attempt, record), cancellationToken);
}

/// <summary>A batch handler that reports on each record.</summary>
internal readonly struct ReportHandler<TRecord>(Func<IReadOnlyList<TRecord>, BatchReport, CancellationToken, ValueTask> handler, BatchReport report)
    : IRecordHandler<IReadOnlyList<TRecord>, ValueTask>
{
    public ValueTask Invoke(IReadOnlyList<TRecord> record, in StageAttempt attempt, CancellationToken cancellationToken)
    {
        // Each attempt tells anew: what one reported before it threw says nothing of the next.
        report.Reset(record.Count);
        report.Span = Activity.Current?.Context ?? default;
        return RecordHandler.Invoke(handler, record, report, cancellationToken);
    }
}

/// <summary>Calls a batch handler with one record of the batch. Where it reports, what it reports of the record is how the call ends.</summary>
internal readonly struct SingleOfBatch<TRecord, TCall>(TCall call, BatchReport? report, IReadOnlyList<TRecord> batch, int index) : IRecordCall<TRecord, None>
    where TCall : struct, IRecordCall<IReadOnlyList<TRecord>, None>
{
    public ValueTask<CallEnd<None>> Execute(StagePolicy policy, TRecord record, CancellationToken cancellationToken)
    {
        ValueTask<CallEnd<None>> pending = call.Execute(policy, new OneOfBatch<TRecord>(record, batch, index), cancellationToken);
        return report is null ? pending : ReadAsync(pending, report, policy, cancellationToken);
    }

    private static async ValueTask<CallEnd<None>> ReadAsync(
        ValueTask<CallEnd<None>> pending, BatchReport report, StagePolicy policy, CancellationToken cancellationToken)
    {
        CallEnd<None> end = await pending.ConfigureAwait(false);
        if (end.Failure is not null || report[0] is BatchReport.State.Succeeded or BatchReport.State.Filtered)
            return end;

        AttemptFailure failure = report[0] is BatchReport.State.Failed
            ? new(report.ErrorOf(0), policy.ErrorClassifier.Classify(report.ErrorOf(0), cancellationToken))
            : new(null, ErrorClassification.Unknown);
        var attempt = new FailureAttempt(end.Attempts, policy.TimeProvider.GetUtcNow(), TimeSpan.Zero, failure.ErrorType);
        return end with { Failure = new CallFailure(failure, [attempt]) { Span = report.Span } };
    }
}
