using System.Runtime.CompilerServices;

namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitWaitTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(CircuitState.Closed)]
    [InlineData(CircuitState.Open)]
    [InlineData(CircuitState.Isolated)]
    public async Task A_token_cancelled_before_is_reported_in_every_state(CircuitState state)
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        if (state == CircuitState.Open)
            circuit.Fail();
        else if (state == CircuitState.Isolated)
            circuit.Isolate();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await circuit.WaitUntilReadyAsync(new CancellationToken(true)));
    }

    [Fact]
    public async Task A_cancelled_wait_ends_and_leaves_no_timer_behind()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Fail();
        using var cancellation = new CancellationTokenSource();
        Task wait = circuit.WaitUntilReadyAsync(cancellation.Token).AsTask();
        Assert.Equal(1, _time.ActiveTimers);

        await cancellation.CancelAsync();

        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(Patience, Cancellation));
        Assert.Equal(cancellation.Token, exception.CancellationToken);
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task A_cancelled_wait_is_not_kept_alive_by_the_circuit()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Isolate();

        WeakReference wait = await CancelledWait(circuit);
        for (int i = 0; i < 10 && wait.IsAlive; i++)
        {
            await Task.Yield();
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(wait.IsAlive);
        GC.KeepAlive(circuit);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static async Task<WeakReference> CancelledWait(CircuitBreaker circuit)
        {
            using var cancellation = new CancellationTokenSource();
            Task wait = circuit.WaitUntilReadyAsync(cancellation.Token).AsTask();
            await cancellation.CancelAsync();
            await wait.ContinueWith(static _ => { }, TaskScheduler.Default);
            Assert.True(wait.IsCanceled);
            return new WeakReference(wait);
        }
    }

    [Fact]
    public async Task A_closed_circuit_is_ready_at_once()
    {
        var circuit = new CircuitBreaker(null, _time);

        ValueTask wait = circuit.WaitUntilReadyAsync(Cancellation);

        Assert.True(wait.IsCompletedSuccessfully);
        await wait;
    }

    [Fact]
    public async Task Waiting_at_an_open_circuit_ends_with_the_break_and_changes_no_state()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Fail();
        Task[] waits = [.. Enumerable.Range(0, 3).Select(_ => circuit.WaitUntilReadyAsync(Cancellation).AsTask())];

        _time.Advance(TimeSpan.FromMilliseconds(4999));
        Assert.All(waits, static wait => Assert.False(wait.IsCompleted));
        _time.Advance(TimeSpan.FromMilliseconds(1));

        await Task.WhenAll(waits).WaitAsync(Patience, Cancellation);
        Assert.Equal(CircuitState.Open, circuit.State);
        circuit.Admit();
        Assert.Equal(0, _time.ActiveTimers);
    }

    [Fact]
    public async Task A_wait_outlives_a_probe_that_fails()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.BreakAndWait(_time);
        CircuitPermit probe = circuit.Admit();
        Task wait = circuit.WaitUntilReadyAsync(Cancellation).AsTask();

        probe.Failure();
        await Eventually(() => _time.ActiveTimers == 1);
        Assert.False(wait.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(5));

        await wait.WaitAsync(Patience, Cancellation);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Waiting_at_a_half_open_circuit_ends_when_a_probe_gives_its_slot_back_or_closes_the_circuit(bool neutral)
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.BreakAndWait(_time);
        CircuitPermit probe = circuit.Admit();
        Task wait = circuit.WaitUntilReadyAsync(Cancellation).AsTask();
        Assert.False(wait.IsCompleted);

        if (neutral)
            probe.Neutral();
        else
            probe.Success();

        await wait.WaitAsync(Patience, Cancellation);
        circuit.Admit();
    }

    [Fact]
    public async Task Waiting_at_a_half_open_circuit_ends_when_a_lease_expires()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.BreakAndWait(_time);
        circuit.Admit();
        Task wait = circuit.WaitUntilReadyAsync(Cancellation).AsTask();

        _time.Advance(TimeSpan.FromMilliseconds(29_999));
        Assert.False(wait.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        await wait.WaitAsync(Patience, Cancellation);
        circuit.Admit();
    }

    [Fact]
    public async Task Waiting_at_an_isolated_circuit_ends_with_its_reset_only()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Isolate();
        Task wait = circuit.WaitUntilReadyAsync(Cancellation).AsTask();

        _time.Advance(TimeSpan.FromDays(365));
        Assert.False(wait.IsCompleted);
        circuit.Reset();

        await wait.WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task Isolating_an_open_circuit_makes_waiters_wait_for_the_reset()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Fail();
        Task wait = circuit.WaitUntilReadyAsync(Cancellation).AsTask();

        circuit.Isolate();
        await Eventually(() => _time.ActiveTimers == 0);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.False(wait.IsCompleted);
        circuit.Reset();

        await wait.WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task A_wait_does_not_run_on_the_thread_that_ends_it()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Isolate();
        int resumedOn = 0;
        Task wait = Wait();

        int endedOn = Environment.CurrentManagedThreadId;
        int seenAfterReset;
        circuit.Reset();
        seenAfterReset = Volatile.Read(ref resumedOn);

        await wait.WaitAsync(Patience, Cancellation);
        Assert.NotEqual(endedOn, seenAfterReset);

        async Task Wait()
        {
            await circuit.WaitUntilReadyAsync(Cancellation).ConfigureAwait(false);
            Volatile.Write(ref resumedOn, Environment.CurrentManagedThreadId);
        }
    }

    [Fact]
    public async Task No_wake_up_is_lost_between_looking_and_waiting()
    {
        // Hunts: the waiter finds every probe taken, the probe gives its slot back and wakes nobody, the waiter goes to sleep. Time stands
        // still, so that only the wake-up can end the wait.
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.BreakAndWait(_time);
        for (int round = 0; round < 5_000; round++)
        {
            CircuitPermit probe = circuit.Admit();
            Task release = Task.Run(() => probe.Neutral(), Cancellation);
            await circuit.WaitUntilReadyAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation);
            await release;
        }
    }

    private static async Task Eventually(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!condition())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
