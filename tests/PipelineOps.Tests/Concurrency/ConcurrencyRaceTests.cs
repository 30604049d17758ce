using PipelineOps.Tests.Stages;

namespace PipelineOps.Tests.Concurrency;

/// <summary>Real concurrency: each test names the interleaving that it hunts.</summary>
public sealed class ConcurrencyRaceTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // Slots given back and taken while others queue, over and over: a count that loses an update would let one call too many in, or one too few for ever.
    [Fact]
    public async Task No_more_calls_than_allowed_ever_run_at_once()
    {
        using PipelineStage stage = Limited(3, 100);
        int running = 0;
        int most = 0;
        int done = 0;

        await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Task.Run(
            async () =>
            {
                for (int i = 0; i < 500; i++)
                {
                    await stage.ExecuteAsync(
                        async _ =>
                        {
                            int now = Interlocked.Increment(ref running);
                            InterlockedMax(ref most, now);
                            await Task.Yield();
                            Interlocked.Decrement(ref running);
                        },
                        Ct);
                    Interlocked.Increment(ref done);
                }
            },
            Ct))).WaitAsync(Patience, Ct);

        Assert.Equal(12 * 500, done);
        Assert.InRange(most, 2, 3);
    }

    // Join against release: a call joins the queue at the moment when the only running one ends. If the release looked for waiters before the join was
    // visible, and the join looked for a free slot before the release was, the waiter would be forgotten, as nobody else ever releases.
    [Fact]
    public async Task A_call_that_joins_while_the_last_slot_is_given_back_is_never_forgotten()
    {
        using PipelineStage stage = Limited(1, 1);
        for (int round = 0; round < 5_000; round++)
        {
            var gate = new TaskCompletionSource();
            ValueTask running = stage.ExecuteAsync(static (gate, _) => new ValueTask(gate.Task), gate, Ct);
            Task joining = Task.Run(() => stage.ExecuteAsync(static _ => default, Ct).AsTask(), Ct);
            Thread.SpinWait(round % 200);
            gate.SetResult();

            await running;
            await joining.WaitAsync(Patience, Ct);
        }
    }

    // Barging: a newcomer takes the slot that was just given back, before the first in the queue gets it. With a queue that never empties while
    // newcomers come, a waiter could then be overtaken without end. Whoever queued before a newcomer arrived must run before it.
    [Fact]
    public async Task A_newcomer_never_overtakes_a_call_that_waits()
    {
        using PipelineStage stage = Limited(1, 2);
        int overtaken = 0;
        for (int round = 0; round < 5_000; round++)
        {
            var gate = new TaskCompletionSource();
            int order = 0;
            int placeOfWaiter = 0;
            ValueTask running = stage.ExecuteAsync(_ => new ValueTask(gate.Task), Ct);
            ValueTask waiting = stage.ExecuteAsync(
                _ =>
                {
                    placeOfWaiter = ++order;
                    return default;
                },
                Ct);
            Task newcomer = Task.Run(
                () => stage.ExecuteAsync(
                    _ =>
                    {
                        ++order;
                        return default;
                    },
                    Ct).AsTask(),
                Ct);
            Thread.SpinWait(round % 200);
            gate.SetResult();

            await running;
            await waiting;
            await newcomer.WaitAsync(Patience, Ct);
            if (placeOfWaiter != 1)
                overtaken++;
        }

        Assert.Equal(0, overtaken);
    }

    // Cancellation against grant: the first in the queue is cancelled at the moment when the slot is handed to it. Either it runs and gives the slot
    // back, or the slot goes to the next; it must not vanish.
    [Fact]
    public async Task A_slot_handed_to_a_call_that_is_cancelled_at_that_moment_is_not_lost()
    {
        using PipelineStage stage = Limited(1, 1);
        int cancelled = 0;
        for (int round = 0; round < 5_000; round++)
        {
            using var caller = new CancellationTokenSource();
            var gate = new TaskCompletionSource();
            ValueTask running = stage.ExecuteAsync(static (gate, _) => new ValueTask(gate.Task), gate, Ct);
            ValueTask<StageResult> waiting = stage.TryExecuteAsync(static _ => default, caller.Token);
            Action[] racers = round % 2 == 0 ? [gate.SetResult, caller.Cancel] : [caller.Cancel, gate.SetResult];
            Task other = Task.Run(racers[0], Ct);
            Thread.SpinWait(round % 200);
            racers[1]();

            await running;
            await other;
            if (!(await waiting.InTime()).IsSuccess)
                cancelled++;

            Assert.True((await stage.TryExecuteAsync(static _ => default, Ct)).IsSuccess, $"The slot was lost in round {round}.");
        }

        Assert.True(cancelled > 0, "No call was cancelled in the queue, so that the test proved nothing.");
    }

    // Resizing against release and join: a limit that grows and shrinks while slots move must neither strand a waiter nor leak a slot.
    [Fact]
    public async Task A_limit_that_keeps_changing_strands_nobody()
    {
        using PipelineStage stage = Limited(1, 100);
        using var stop = new CancellationTokenSource();
        Task resizing = Task.Run(
            () =>
            {
                for (int i = 0; !stop.IsCancellationRequested; i++)
                    stage.Reconfigure(Options(1 + i % 3, 100));
            },
            Ct);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            async () =>
            {
                for (int i = 0; i < 300; i++)
                    await stage.ExecuteAsync(static async _ => await Task.Yield(), Ct);
            },
            Ct))).WaitAsync(Patience, Ct);
        await stop.CancelAsync();
        await resizing;

        stage.Reconfigure(Options(1, 0));
        var gate = new TaskCompletionSource();
        ValueTask last = stage.ExecuteAsync(_ => new ValueTask(gate.Task), Ct);
        Assert.True((await stage.TryExecuteAsync(static _ => default, Ct)).IsRejected);
        gate.SetResult();
        await last.InTime();
    }

    private static PipelineStage Limited(int maxConcurrent, int maxQueued) =>
        PipelineStage.Create("orders", "load", Options(maxConcurrent, maxQueued));

    private static StageOptions Options(int maxConcurrent, int maxQueued) => TestStage.Options(
        TimeProvider.System, o => (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (maxConcurrent, maxQueued));

    private static void InterlockedMax(ref int most, int value)
    {
        int seen = Volatile.Read(ref most);
        while (seen < value)
        {
            int before = Interlocked.CompareExchange(ref most, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
