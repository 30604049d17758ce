namespace PipelineOps;

/// <summary>Goes through a source in batches.</summary>
internal sealed class BatchRun<T, TCall>(
    Func<RecordProcessor> processor, BatchRunOptions<T> options, Func<BatchReport?, TCall> newCall, bool reports, CancellationToken cancellationToken)
    : RecordRun<T>(processor, options, cancellationToken)
    where TCall : struct, IRecordCall<IReadOnlyList<T>, None>
{
    // How often a batch of which nothing succeeds is held as the dependency's victim. After that its records are taken at their word: otherwise
    // a batch of nothing but bad records would stop the run for ever.
    private const int MaxHolds = 3;

    private readonly int _size = options.BatchSize;
    private readonly TimeSpan _linger = options.Linger;
    private readonly BatchEffect _effect = options.Effect;

    protected override int ReadSize => _size;

    protected override TimeSpan Linger => _linger;

    protected override bool ReusesLists => false;

    protected override async ValueTask SettleAsync(List<T> records, RecordResult[] results)
    {
        BatchReport? report = reports ? new BatchReport() : null;
        TCall call = newCall(report);
        IReadOnlyList<T> batch = records;
        int[]? places = null;
        int inVain = 0;
        for (int holds = 0; ; holds++)
        {
            BatchResult result = await Processor
                .ProcessBatchAsync(batch, call, report, _effect, CancellationToken, needsWitness: inVain < MaxHolds).ConfigureAwait(false);
            List<int> returned = [];
            for (int i = 0; i < result.Count; i++)
            {
                int place = places?[i] ?? i;
                results[place] = result[i];
                if (!result[i].IsSettled)
                    returned.Add(place);
            }

            if (returned.Count == 0 || !await HoldAsync(result.Next, holds).ConfigureAwait(false))
                return;

            inVain = returned.Count == result.Count && result.IsSystemic ? inVain + 1 : 0;
            places = [.. returned];
            batch = new BatchSelection<T>(records, places);
        }
    }
}
