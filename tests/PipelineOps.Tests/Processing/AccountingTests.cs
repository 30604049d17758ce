using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Processing;

[Collection(nameof(Alone))]
public sealed class AccountingTests
{
    private const int Threads = 32;
    private const int RecordsOfEach = 2_000;

    /// <summary>Hunts a reading between the two counts of a record, which would be in none of the terms or in two.</summary>
    [Fact]
    public async Task The_identity_holds_at_any_moment_under_32_threads_with_every_disposition()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.Retry.MaxRetries = 1;
            options.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<InvalidTimeZoneException>(ErrorCategory.BusinessRule));
        });
        using var stop = new CancellationTokenSource();
        Task<long> watcher = Task.Factory.StartNew(() => Watch(stage.Stage, stop.Token), TaskCreationOptions.LongRunning);

        long[] returned = await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(() => Work(stage.Stage, thread))));
        await stop.CancelAsync();

        RecordAccounting accounting = stage.Stage.Accounting;
        Assert.True(await watcher > 100, "The watcher saw too little.");
        Assert.Equal(0, accounting.InFlight);
        Assert.Equal(0, accounting.Lost);
        Assert.Equal(returned.Sum(), accounting.Returned);
        Assert.Equal((long)Threads * RecordsOfEach, accounting.Read + accounting.Returned);
        Assert.Equal(stage.Store.Kept.Count, accounting.Skipped);
        Assert.All(
            new[] { Disposition.Succeeded, Disposition.Filtered, Disposition.Quarantined, Disposition.DeadLettered, Disposition.Parked },
            disposition => Assert.True(accounting[disposition] >= Threads * RecordsOfEach / 10));
    }

    [Fact]
    public async Task The_identity_holds_through_a_stop_a_store_outage_and_an_open_circuit()
    {
        using var stage = new ProcessingStage(options =>
        {
            options.Retry.MaxRetries = 0;
            options.Recovery.StoreTimeout = TimeSpan.Zero;
            TestStage.OpensAtOnce(options);
        });
        using var stop = new CancellationTokenSource();
        stage.Store.Break();

        RecordResult outage = await stage.Fail(new FormatException());
        stage.Store.Mend();
        RecordResult trip = await stage.Fail(new IOException());
        RecordResult refused = await stage.Process("record", (_, _) => default);
        stage.Stage.Circuit!.Reset();
        Task<RecordResult> hanging = stage.Process("record", async (_, token) => await TestStage.Hang(token), stop.Token);
        RecordAccounting during = stage.Stage.Accounting;
        await stop.CancelAsync();
        RecordResult stopped = await hanging;

        Assert.Equal(
            [Disposition.Returned, Disposition.DeadLettered, Disposition.Returned, Disposition.Returned],
            new[] { outage, trip, refused, stopped }.Select(result => result.Disposition));
        Assert.Equal((2L, 1L, 0L), (during.Read, during.InFlight, during.Lost));
        Assert.Equal((1L, 0L, 3L, 0L), (stage.Stage.Accounting.Read, stage.Stage.Accounting.InFlight, stage.Stage.Accounting.Returned, stage.Stage.Accounting.Lost));
    }

    [Fact]
    public void Counts_of_threads_that_have_ended_stay_and_those_of_stages_that_alternate_do_not_mix()
    {
        ProcessingStage[] stages = [.. Enumerable.Range(0, 150).Select(static _ => new ProcessingStage())];
        for (int round = 0; round < 20; round++)
        {
            var thread = new Thread(() =>
            {
                for (int i = 0; i < stages.Length; i++)
                {
                    for (int record = 0; record <= i % 3; record++)
                        Ended(stages[i].Stage.ProcessAsync(record, static (_, _) => default(ValueTask)));
                }
            });
            thread.Start();
            thread.Join();
        }

        for (int i = 0; i < stages.Length; i++)
        {
            Assert.Equal((20L * (i % 3 + 1), 0L), (stages[i].Stage.Accounting.Succeeded, stages[i].Stage.Accounting.InFlight));
            stages[i].Dispose();
        }
    }

    private static void Ended(ValueTask<RecordResult> pending) => Assert.True(pending.IsCompletedSuccessfully && pending.Result.IsSuccess);

    private static async Task<long> Work(PipelineStage stage, int thread)
    {
        long returned = 0;
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        for (int i = 0; i < RecordsOfEach; i++)
        {
            int kind = (thread + i) % 7;
            RecordResult result = await stage.ProcessAsync(kind, HandleAsync, kind == 6 ? cancelled.Token : default);
            returned += result.IsSettled ? 0 : 1;
        }

        return returned;
    }

    private static async ValueTask<RecordOutcome> HandleAsync(int kind, CancellationToken token)
    {
        if (kind is 1 or 3)
            await Task.Yield();

        return kind switch
        {
            2 => RecordOutcome.Filtered,
            3 => throw new FormatException(),
            4 => throw new IOException(),
            5 => throw new InvalidTimeZoneException(),
            _ => RecordOutcome.Succeeded,
        };
    }

    private static long Watch(PipelineStage stage, CancellationToken stop)
    {
        long readings = 0;
        long begun = 0;
        for (; !stop.IsCancellationRequested; readings++)
        {
            RecordAccounting accounting = stage.Accounting;
            Assert.Equal(
                accounting.Read,
                accounting.Succeeded + accounting.Filtered + accounting.Quarantined + accounting.DeadLettered + accounting.Parked + accounting.InFlight + accounting.FailedUnknown);
            Assert.True(accounting.InFlight >= 0, "A record ended that had not begun.");
            Assert.True(accounting.Read + accounting.Returned >= begun, "What was begun went backwards.");
            begun = accounting.Read + accounting.Returned;
        }

        return readings;
    }
}
