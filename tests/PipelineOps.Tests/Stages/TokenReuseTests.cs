namespace PipelineOps.Tests.Stages;

/// <summary>Tokens come from a pool; no call may feel what happened to the call that had its token before.</summary>
public sealed class TokenReuseTests
{
    private const int Rounds = 30_000;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // Real concurrency. The interleaving: the timer set for an earlier call's 1 ms fires while the same source already serves a later call whose
    // deadline is a minute away. If the timer did not look which deadline holds now, it would cancel that call. Some calls miss their deadline on
    // purpose, so that cancelled sources go the same way as the others.
    [Fact]
    public async Task A_timer_that_fires_late_never_cancels_a_later_call()
    {
        using PipelineStage hasty = TestStage.Create(TimeProvider.System, static o => (o.AttemptTimeout, o.Retry.MaxRetries) = (TimeSpan.FromMilliseconds(1), 0));
        using PipelineStage patient = TestStage.Create(TimeProvider.System, static o => (o.AttemptTimeout, o.Retry.MaxRetries) = (TimeSpan.FromMinutes(1), 0));
        long end = Environment.TickCount64 + 500;
        int missed = 0;
        int cancelled = 0;

        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(
            async () =>
            {
                for (int i = 0; Environment.TickCount64 < end; i++)
                {
                    await hasty.ExecuteAsync(static _ => default, Ct);
                    if (i % 100 == worker && !(await hasty.TryExecuteAsync(TestStage.Hang, Ct)).IsSuccess)
                        Interlocked.Increment(ref missed);

                    bool wasCancelled = await patient.ExecuteAsync(
                        static async ct =>
                        {
                            bool atFirst = ct.IsCancellationRequested;
                            for (int spin = 0; spin < 20; spin++)
                                await Task.Yield();
                            return atFirst || ct.IsCancellationRequested;
                        },
                        Ct);
                    if (wasCancelled)
                        Interlocked.Increment(ref cancelled);
                }
            },
            Ct))).WaitAsync(Ct);

        Assert.Equal(0, cancelled);
        Assert.True(missed > 0, "No call missed its deadline, so that the test proved nothing.");
    }

    [Fact]
    public async Task A_token_cancelled_by_its_caller_is_not_used_again()
    {
        using PipelineStage stage = TestStage.Create(TimeProvider.System, static o => o.AttemptTimeout = TimeSpan.FromMinutes(1));
        for (int i = 0; i < 100; i++)
        {
            using var caller = new CancellationTokenSource();
            await stage.ExecuteAsync(
                static (caller, ct) =>
                {
                    caller.Cancel();
                    Assert.True(ct.IsCancellationRequested);
                    return default;
                },
                caller,
                caller.Token);

            Assert.False(await stage.ExecuteAsync(static ct => new ValueTask<bool>(ct.IsCancellationRequested), Ct));
        }
    }

    [Fact]
    public async Task A_caller_who_cancels_after_its_call_ended_cancels_nobody_else()
    {
        using PipelineStage stage = TestStage.Create(TimeProvider.System, static o => o.AttemptTimeout = TimeSpan.FromMinutes(1));
        using var caller = new CancellationTokenSource();
        await stage.ExecuteAsync(static _ => new ValueTask<int>(1), caller.Token);

        bool cancelled = await stage.ExecuteAsync(
            static (caller, ct) =>
            {
                caller.Cancel();
                return new ValueTask<bool>(ct.IsCancellationRequested);
            },
            caller,
            Ct);

        Assert.False(cancelled);
    }

    // Real concurrency. The interleaving: the delegate ends by itself at the moment when its timer has decided that the deadline has passed but has not
    // yet cancelled the source. Whoever loses must not throw, least of all on the timer's thread, where that ends the process.
    [Fact]
    public async Task A_call_that_ends_at_its_deadline_never_breaks_the_timer()
    {
        var time = new RacingTimeProvider();
        using PipelineStage stage = TestStage.Create(time, static o => o.AttemptTimeout = TimeSpan.FromMilliseconds(1));
        Exception? broken = null;
        int armed = 0;
        int fired = 0;
        var timer = new Thread(() =>
        {
            for (int round = 1; round <= Rounds; round++)
            {
                while (Volatile.Read(ref armed) < round)
                    Thread.SpinWait(1);
                broken ??= Record.Exception(time.Fire);
                Volatile.Write(ref fired, round);
            }
        });
        timer.IsBackground = true;
        timer.Start();

        // As many rounds as a second has, on a machine that has other things to do.
        long end = Environment.TickCount64 + 1000;
        for (int round = 1; round <= Rounds && Environment.TickCount64 < end; round++)
        {
            var answer = new TaskCompletionSource<int>();
            ValueTask<int> call = stage.ExecuteAsync(_ => answer.Task, Ct);
            Volatile.Write(ref armed, round);
            Thread.SpinWait(round % 40);
            answer.SetResult(round);
            Assert.Equal(round, await call.InTime());
            while (Volatile.Read(ref fired) < round)
                Thread.Yield();
        }

        Volatile.Write(ref time.Harmless, true);
        Volatile.Write(ref armed, Rounds);
        Assert.Null(broken);
    }

    /// <summary>Its only timer is always due, and fires when the test says so.</summary>
    private sealed class RacingTimeProvider : TimeProvider
    {
        private TimerCallback? _callback;
        private object? _state;
        private long _now;

        /// <summary>Set at the test's end, so that its thread runs out.</summary>
        public bool Harmless;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Interlocked.Increment(ref _now);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (_callback, _state) = (callback, state);
            return new Timer();
        }

        public void Fire()
        {
            if (!Volatile.Read(ref Harmless))
                _callback!(_state);
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
