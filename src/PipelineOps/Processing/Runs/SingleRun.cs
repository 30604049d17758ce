using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>Goes through a source record by record.</summary>
internal sealed class SingleRun<T, TValue, TCall>(Func<RecordProcessor> processor, RecordRunOptions<T> options, Func<TCall> newCall, CancellationToken cancellationToken)
    : RecordRun<T>(processor, options, cancellationToken)
    where TCall : struct, IRecordCall<T, TValue>
{
    protected override int ReadSize => 1;

    protected override TimeSpan Linger => TimeSpan.Zero;

    protected override bool ReusesLists => true;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    protected override async ValueTask SettleAsync(List<T> records, RecordResult[] results)
    {
        // The same call each time, so that the idempotency key stays the same.
        TCall call = newCall();
        for (int holds = 0; ; holds++)
        {
            results[0] = await Processor.ProcessAsync<T, TValue, TCall>(records[0], call, CancellationToken).ConfigureAwait(false);
            if (results[0].IsSettled || !await HoldAsync(results[0].Next, holds).ConfigureAwait(false))
                return;
        }
    }
}
