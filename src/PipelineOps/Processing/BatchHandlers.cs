namespace PipelineOps;

/// <summary>A batch handler that wants to know of its attempt.</summary>
internal readonly struct BatchAttemptHandler<TRecord, TState>(Func<IReadOnlyList<TRecord>, TState, BatchAttempt, CancellationToken, ValueTask> handler, TState state)
    : IRecordHandler<IReadOnlyList<TRecord>, ValueTask>
{
    public ValueTask Invoke(IReadOnlyList<TRecord> record, in StageAttempt attempt, CancellationToken cancellationToken) =>
        handler(record, state, new BatchAttempt(in attempt, record), cancellationToken);
}

/// <summary>A batch handler that reports on each record.</summary>
internal readonly struct ReportHandler<TRecord>(Func<IReadOnlyList<TRecord>, BatchReport, CancellationToken, ValueTask> handler, BatchReport report)
    : IRecordHandler<IReadOnlyList<TRecord>, ValueTask>
{
    public ValueTask Invoke(IReadOnlyList<TRecord> record, in StageAttempt attempt, CancellationToken cancellationToken)
    {
        // Each attempt tells anew: what one reported before it threw says nothing of the next.
        report.Reset(record.Count);
        return handler(record, report, cancellationToken);
    }
}

/// <summary>Calls a batch handler with one record of the batch.</summary>
internal readonly struct SingleOfBatch<TRecord, TCall>(TCall call, IReadOnlyList<TRecord> batch, int index) : IRecordCall<TRecord, None>
    where TCall : struct, IRecordCall<IReadOnlyList<TRecord>, None>
{
    public ValueTask<CallEnd<None>> Execute(StagePolicy policy, TRecord record, CancellationToken cancellationToken) =>
        call.Execute(policy, new OneOfBatch<TRecord>(record, batch, index), cancellationToken);
}
