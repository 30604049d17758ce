using System.Globalization;
using System.Threading.Channels;
using PipelineOps.Benchmarks.Comparison;

namespace PipelineOps.Benchmarks.Records;

/// <summary>Measures what the record level costs a healthy record, and how many failures the file store makes durable. Prints a line each.</summary>
internal static class RecordsReport
{
    private const int BatchSize = 1_000;
    private static readonly Order Record = new("42");
    private static readonly Order[] Batch = [.. Enumerable.Repeat(Record, BatchSize)];

    /// <summary>Prints the report.</summary>
    /// <returns>1 if a target was missed, which the last line says; otherwise 0.</returns>
    public static int Run(TextWriter output)
    {
        List<string> missed = [];

        // Alternating with the call that the handler would cost without the record level.
        Measurement single = Measurement.Of(new("process-ok", Process(), Execute()));
        Print("execute-ok", single.TheirsNanoseconds, single.TheirsBytes);
        Print("process-ok", single.OursNanoseconds, single.OursBytes);
        Require(single.Ratio <= 1.5, string.Create(CultureInfo.InvariantCulture, $"process-ok takes {single.Ratio:0.00} of execute-ok, not 1.5"));
        Require(single.OursBytes < 0.5, "process-ok allocates");

        Measurement batch = Measurement.Of(new("batch-ok", ProcessBatch(), Execute()));
        Print("batch-ok", batch.OursNanoseconds / BatchSize, batch.OursBytes / BatchSize);
        Require(batch.OursNanoseconds / BatchSize <= 5, "batch-ok takes more than 5 ns a record");
        Require(batch.OursBytes < 0.5, "batch-ok allocates");

        Measurement all = Measurement.Of(new("process-all", ProcessAll(), Execute()));
        Print("process-all", all.OursNanoseconds, all.OursBytes);

        Dictionary<int, double> appends = [];
        foreach ((int writers, double perSecond, double bytesPerAppend) in StoreAppendBenchmark.Run())
        {
            appends.Add(writers, perSecond);
            string scenario = writers == 0 ? "store-bare-flush" : $"store-append-{writers}";
            Print(scenario, 1e9 / perSecond, bytesPerAppend, $" persecond={perSecond.ToString("0", CultureInfo.InvariantCulture)}");
        }

        Require(appends[64] >= 10 * appends[1], string.Create(CultureInfo.InvariantCulture, $"64 writers append {appends[64] / appends[1]:0.0} times as much as one, not 10"));
        if (missed.Count == 0)
            return 0;

        output.WriteLine($"records missed {string.Join("; ", missed)}");
        return 1;

        void Print(string scenario, double nanoseconds, double bytes, string more = "") =>
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"records {scenario} ns={nanoseconds:0.0##} alloc={bytes:0.##}{more}"));

        void Require(bool met, string problem)
        {
            if (!met)
                missed.Add(problem);
        }
    }

    private static PipelineStage Stage() => PipelineStage.Create("benchmark", "records", new StageOptions { Recovery = { FailureStore = new DiscardingStore() } });

    private static Contender Execute()
    {
        PipelineStage stage = Stage();
        return calls =>
        {
            for (int i = 0; i < calls; i++)
                Ended(stage.ExecuteAsync(static (_, _) => default, Record));

            return Task.CompletedTask;
        };
    }

    private static Contender Process()
    {
        PipelineStage stage = Stage();
        return calls =>
        {
            for (int i = 0; i < calls; i++)
            {
                ValueTask<RecordResult> call = stage.ProcessAsync(Record, static (_, _) => default(ValueTask));
                if (!call.IsCompletedSuccessfully || !call.Result.IsSuccess)
                    throw new InvalidOperationException("The record did not succeed at once.");
            }

            return Task.CompletedTask;
        };
    }

    private static Contender ProcessBatch()
    {
        PipelineStage stage = Stage();
        return calls =>
        {
            for (int i = 0; i < calls; i++)
            {
                ValueTask<BatchResult> call = stage.ProcessBatchAsync(Batch, static (_, _) => default(ValueTask));
                if (!call.IsCompletedSuccessfully || !call.Result.IsSuccess)
                    throw new InvalidOperationException("The batch did not succeed at once.");
            }

            return Task.CompletedTask;
        };
    }

    // With the filling of the channel, which takes a few nanoseconds of it.
    private static Contender ProcessAll()
    {
        PipelineStage stage = Stage();
        return async calls =>
        {
            var channel = Channel.CreateUnbounded<Order>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
            for (int i = 0; i < calls; i++)
                channel.Writer.TryWrite(Record);

            channel.Writer.Complete();
            RunSummary summary = await stage.ProcessAllAsync(channel.Reader, static (_, _) => default(ValueTask));
            if (summary.Accounting.Succeeded != calls)
                throw new InvalidOperationException("Not every record succeeded.");
        };
    }

    private static void Ended(ValueTask call)
    {
        if (!call.IsCompletedSuccessfully)
            throw new InvalidOperationException("The call did not end at once.");

        call.GetAwaiter().GetResult();
    }

    private sealed record Order(string Id);
}
