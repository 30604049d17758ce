using System.Collections.Concurrent;

namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitConcurrencyTests
{
    private const int Threads = 4;

    private readonly ManualTimeProvider _time = new();

    [Theory]
    [InlineData(CircuitWindowKind.Time)]
    [InlineData(CircuitWindowKind.Count)]
    public async Task No_outcome_is_lost_while_time_stands_still(CircuitWindowKind window)
    {
        // Hunts: two threads update the same bucket or running total and one update overwrites the other; and a judgement that reads the
        // counts one after the other while calls end, and finds every call failed or slow although the first one was neither.
        const int each = 2_000;
        CircuitBreaker circuit = null!;
        await Race(
            rounds: 10,
            prepare: () =>
            {
                circuit = new CircuitBreaker(
                    new() { Window = window, WindowSize = 100_000, FailureRatio = 1, MinimumThroughput = 1, SlowCallRatio = 1, SlowCallDuration = TimeSpan.FromTicks(1) },
                    new SteppingTimeProvider());
                circuit.Succeed();
            },
            body: thread =>
            {
                for (int i = 0; i < each; i++)
                {
                    CircuitPermit permit = circuit.Admit();
                    TimeSpan duration = TimeSpan.FromTicks(i % 2 * 2);
                    if (thread % 2 == 0)
                        permit.Success(duration);
                    else
                        permit.Failure(duration);
                }
            },
            check: () =>
            {
                CircuitSnapshot snapshot = circuit.GetSnapshot();
                Assert.Equal((Threads / 2 * each + 1, Threads / 2 * each, Threads * each / 2), (snapshot.Successes, snapshot.Failures, snapshot.SlowCalls));
            });
    }

    [Fact]
    public async Task No_outcome_is_lost_while_buckets_are_started_afresh()
    {
        // Hunts: one thread starts a bucket afresh for a new epoch while another counts into it. Every bucket holds an old epoch when a round
        // begins, and the clock walks through all of them but the one that would expire the round's own outcomes.
        const int each = 3_000;
        var clock = new SteppingTimeProvider();
        var circuit = new CircuitBreaker(new() { WindowDuration = TimeSpan.FromSeconds(16), MinimumThroughput = int.MaxValue }, clock);
        await Race(
            rounds: 100,
            prepare: () => clock.Step(TimeSpan.FromSeconds(16)),
            body: thread =>
            {
                for (int i = 0; i < each; i++)
                {
                    CircuitPermit permit = circuit.Admit();
                    if ((i + thread) % 4 == 0)
                        permit.Failure();
                    else
                        permit.Success();

                    if (thread == 0 && i % (each / 15) == 0)
                        clock.Step(TimeSpan.FromSeconds(1));
                }
            },
            check: () => Assert.Equal((Threads * each * 3 / 4, Threads * each / 4), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures)));
    }

    [Fact]
    public async Task A_window_by_count_agrees_with_its_places_after_many_threads_have_gone_round_it()
    {
        // Hunts: totals that drift because two threads replaced the same outcome and both subtracted it.
        var circuit = new CircuitBreaker(new() { Window = CircuitWindowKind.Count, WindowSize = 64, MinimumThroughput = 64, FailureRatio = 1 }, _time);
        circuit.Succeed(64);
        await Race(
            rounds: 500,
            prepare: static () => { },
            body: thread =>
            {
                for (int i = 0; i < 200; i++)
                {
                    if ((thread + i) % 2 == 0)
                        circuit.Admit().Failure();
                    else
                        circuit.Admit().Success();
                }
            },
            check: () =>
            {
                Assert.Equal(64, circuit.GetSnapshot().Total);
                circuit.Succeed(64);
                Assert.Equal((64, 0), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
            });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public async Task A_thousand_callers_at_a_half_open_circuit_get_no_more_than_the_probes(int probes)
    {
        // Hunts: two callers taking the same slot, and several callers each making the circuit half-open, with probes of its own.
        CircuitBreaker circuit = null!;
        int admitted = 0;
        await Race(
            rounds: 200,
            prepare: () =>
            {
                CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
                options.MaxProbes = probes;
                circuit = new CircuitBreaker(options, _time);
                circuit.BreakAndWait(_time);
                admitted = 0;
            },
            body: _ =>
            {
                for (int i = 0; i < 1_000 / Threads; i++)
                {
                    if (circuit.TryAcquire(out CircuitPermit _))
                        Interlocked.Increment(ref admitted);
                }
            },
            check: () =>
            {
                Assert.Equal(probes, admitted);
                Assert.Equal(probes, circuit.GetSnapshot().ProbesInFlight);
            });
    }

    [Fact]
    public async Task A_free_slot_goes_to_one_caller()
    {
        // Hunts: two callers finding the slot free, both taking it.
        var clock = new SteppingTimeProvider();
        CircuitBreaker circuit = HalfOpen(clock, out CircuitPermit holder);
        int round = 0;
        int admitted = 0;
        await Race(
            rounds: 50_000,
            prepare: () =>
            {
                round++;
                admitted = 0;
                holder.Neutral();
            },
            body: thread =>
            {
                Stagger(thread * round % 128);
                if (circuit.TryAcquire(out CircuitPermit permit))
                {
                    Interlocked.Increment(ref admitted);
                    holder = permit;
                }
            },
            check: () => Assert.Equal(1, admitted));
    }

    [Fact]
    public async Task An_expired_lease_goes_to_one_caller_and_its_owners_report_frees_no_slot_but_its_own()
    {
        // Hunts: the owner reports at the moment in which another caller takes its slot over, and the slot is freed under the new owner; and
        // two callers taking it over together.
        var clock = new SteppingTimeProvider();
        CircuitBreaker circuit = HalfOpen(clock, out CircuitPermit hung);
        CircuitPermit next = default;
        int round = 0;
        int admitted = 0;
        await Race(
            rounds: 50_000,
            prepare: () =>
            {
                round++;
                admitted = 0;
                clock.Step(TimeSpan.FromSeconds(30));
            },
            body: thread =>
            {
                Stagger(thread == 0 ? round % 128 : thread);
                if (thread == 0)
                {
                    hung.Neutral();
                }
                else if (circuit.TryAcquire(out CircuitPermit permit))
                {
                    Interlocked.Increment(ref admitted);
                    next = permit;
                }
            },
            check: () =>
            {
                if (circuit.TryAcquire(out CircuitPermit permit))
                {
                    admitted++;
                    next = permit;
                }

                hung = next;
                Assert.Equal(1, admitted);
                Assert.Equal(1, circuit.GetSnapshot().ProbesInFlight);
            });
    }

    [Fact]
    public async Task Many_failures_at_once_open_the_circuit_once()
    {
        // Hunts: several threads finding the threshold reached, each opening the circuit with a break of its own.
        CircuitBreaker circuit = null!;
        CircuitPermit[] permits = [];
        var seen = new ConcurrentQueue<CircuitTransition>();
        await Race(
            rounds: 5_000,
            prepare: () =>
            {
                seen.Clear();
                circuit = new CircuitBreaker(new() { MinimumThroughput = Threads / 2, OnTransition = seen.Enqueue }, _time);
                permits = [.. Enumerable.Range(0, Threads).Select(_ => circuit.Admit())];
            },
            body: thread => permits[thread].Failure(),
            check: () =>
            {
                Assert.Equal(CircuitState.Open, Assert.Single(seen).To);
                Assert.Equal(1, circuit.GetSnapshot().BreaksInARow);
            });
    }

    [Theory]
    [InlineData(CircuitWindowKind.Time)]
    [InlineData(CircuitWindowKind.Count)]
    public async Task Reaching_the_minimum_throughput_is_noticed_by_whoever_comes_last(CircuitWindowKind window)
    {
        // Hunts: successes and failures that arrive together, each judging a window in which the others are still missing, so that nobody
        // sees the throughput reached.
        CircuitBreaker circuit = null!;
        CircuitPermit[] permits = [];
        await Race(
            rounds: 10_000,
            prepare: () =>
            {
                circuit = new CircuitBreaker(new() { Window = window, MinimumThroughput = Threads }, _time);
                permits = [.. Enumerable.Range(0, Threads).Select(_ => circuit.Admit())];
            },
            body: thread =>
            {
                if (thread % 2 == 0)
                    permits[thread].Success();
                else
                    permits[thread].Failure();
            },
            check: () => Assert.Equal(CircuitState.Open, circuit.State));
    }

    [Fact]
    public async Task Transitions_are_told_in_order_without_gaps_and_one_at_a_time()
    {
        // Hunts: a thread that changed the state first but tells of it last; two threads telling at once; a transition left to a thread that
        // has just stopped telling.
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        var seen = new List<CircuitTransition>();
        int telling = 0;
        bool overlapped = false;
        circuit.Transitioned += transition =>
        {
            overlapped |= Interlocked.Increment(ref telling) != 1;
            seen.Add(transition);
            Interlocked.Decrement(ref telling);
        };

        await Race(
            rounds: 5_000,
            prepare: seen.Clear,
            body: thread =>
            {
                for (int i = 0; i < 4; i++)
                {
                    int act = (thread + i) % 4;
                    if (act == 0)
                        circuit.Isolate();
                    else if (act == 1)
                        circuit.Reset();
                    else if (act == 2)
                        circuit.Reconfigure(CircuitCalls.OpensAtOnce);
                    else if (circuit.TryAcquire(out CircuitPermit permit))
                        permit.Failure();
                }
            },
            check: () =>
            {
                Assert.False(overlapped);
                Assert.NotEmpty(seen);
                Assert.Equal(circuit.State, seen[^1].To);
                foreach ((CircuitTransition earlier, CircuitTransition later) in seen.Zip(seen.Skip(1)))
                {
                    Assert.Equal(earlier.Sequence + 1, later.Sequence);
                    Assert.Equal(earlier.To, later.From);
                }
            });
    }

    [Fact]
    public async Task Every_transition_has_been_told_when_the_threads_that_made_it_are_done()
    {
        // Hunts: a transition left to a thread that found nothing more to tell and has not yet said that it stops.
        var circuit = new CircuitBreaker(null, _time);
        CircuitState told = CircuitState.Closed;
        circuit.Transitioned += transition => told = transition.To;
        int round = 0;
        await Race(
            rounds: 50_000,
            prepare: () => round++,
            body: thread =>
            {
                Stagger(thread * round % 128);
                if (thread % 2 == 0)
                    circuit.Isolate();
                else
                    circuit.Reset();
            },
            check: () => Assert.Equal(circuit.State, told));
    }

    [Fact]
    public void A_healthy_call_and_a_failing_one_that_does_not_trip_allocate_nothing()
    {
        var circuit = new CircuitBreaker(new() { MinimumThroughput = int.MaxValue, SlowCallRatio = 1 });
        Calls(1_000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Calls(10_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Calls(int count)
        {
            for (int i = 0; i < count; i++)
            {
                if (circuit.TryAcquire(out CircuitPermit permit))
                    permit.Success(TimeSpan.FromSeconds(1));

                if (circuit.TryAcquire(out permit))
                    permit.Failure();

                if (circuit.TryAcquire(out permit))
                    permit.Neutral();
            }
        }
    }

    [Fact]
    public void A_rejected_call_allocates_nothing()
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
        circuit.Fail();
        for (int i = 0; i < 1_000; i++)
            circuit.TryAcquire(out _);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10_000; i++)
            circuit.TryAcquire(out _);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static CircuitBreaker HalfOpen(SteppingTimeProvider clock, out CircuitPermit probe)
    {
        var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, clock);
        circuit.Fail();
        clock.Step(TimeSpan.FromSeconds(5));
        probe = circuit.Admit();
        return circuit;
    }

    /// <summary>Lets this thread fall behind the others by about so many nanoseconds, so that rounds differ in who is first and by how much.</summary>
    private static void Stagger(int steps)
    {
        for (int step = 0; step < steps; Volatile.Write(ref step, step + 1))
        {
        }
    }

    /// <summary>Runs rounds of the same race on threads that start each one together.</summary>
    private static async Task Race(int rounds, Action prepare, Action<int> body, Action check)
    {
        var failures = new ConcurrentQueue<Exception>();
        using var line = new Barrier(Threads, line => (line.CurrentPhaseNumber % 2 == 0 ? prepare : check)());
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (int round = 0; round < rounds; round++)
                {
                    line.SignalAndWait();
                    try
                    {
                        body(thread);
                    }
                    catch (Exception failure)
                    {
                        // Thrown at the end: the other threads wait for this one at the line.
                        failures.Enqueue(failure);
                    }

                    line.SignalAndWait();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        Assert.Empty(failures);
    }
}
