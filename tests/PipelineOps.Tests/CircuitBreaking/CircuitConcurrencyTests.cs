using System.Collections.Concurrent;

namespace PipelineOps.Tests.CircuitBreaking;

public sealed class CircuitConcurrencyTests
{
    private const int Threads = 8;

    private readonly ManualTimeProvider _time = new();

    [Theory]
    [InlineData(CircuitWindowKind.Time)]
    [InlineData(CircuitWindowKind.Count)]
    public async Task No_outcome_is_lost_while_time_stands_still(CircuitWindowKind window)
    {
        // Hunts: two threads update the same bucket or running total and one update overwrites the other; and a judgement that reads the
        // counts one after the other while calls end, and finds every call failed or slow although the first one was neither.
        const int each = 10_000;
        var circuit = new CircuitBreaker(
            new() { Window = window, WindowSize = 100_000, FailureRatio = 1, MinimumThroughput = 1, SlowCallRatio = 1, SlowCallDuration = TimeSpan.FromTicks(1) },
            new SteppingTimeProvider());
        circuit.Succeed();

        await Everywhere(thread =>
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
        });

        CircuitSnapshot snapshot = circuit.GetSnapshot();
        Assert.Equal((Threads / 2 * each + 1, Threads / 2 * each, Threads * each / 2), (snapshot.Successes, snapshot.Failures, snapshot.SlowCalls));
    }

    [Fact]
    public async Task No_outcome_is_lost_while_buckets_are_started_afresh()
    {
        // Hunts: one thread starts a bucket afresh for a new epoch while another counts into it. Every bucket holds an old epoch when a round
        // begins, and the clock walks through all of them but the one that would expire the round's own outcomes.
        const int each = 2_000;
        var clock = new SteppingTimeProvider();
        var circuit = new CircuitBreaker(new() { WindowDuration = TimeSpan.FromSeconds(16), MinimumThroughput = int.MaxValue }, clock);

        for (int round = 0; round < 50; round++)
        {
            await Everywhere(thread =>
            {
                for (int i = 0; i < each; i++)
                {
                    CircuitPermit permit = circuit.Admit();
                    if ((i + thread) % 4 == 0)
                        permit.Failure();
                    else
                        permit.Success();

                    if (thread == 0 && i % (each / 15) == each / 15 - 1 && i < each / 15 * 15)
                        clock.Step(TimeSpan.FromSeconds(1));
                }
            });

            Assert.Equal((Threads * each * 3 / 4, Threads * each / 4), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
            clock.Step(TimeSpan.FromSeconds(16));
        }
    }

    [Fact]
    public async Task A_window_by_count_agrees_with_its_places_after_many_threads_have_gone_round_it()
    {
        // Hunts: totals that drift because a place was replaced by two threads and only one difference was counted.
        var circuit = new CircuitBreaker(new() { Window = CircuitWindowKind.Count, WindowSize = 64, MinimumThroughput = 64, FailureRatio = 1 }, _time);
        circuit.Succeed();
        for (int round = 0; round < 100; round++)
        {
            await Everywhere(thread =>
            {
                for (int i = 0; i < 200; i++)
                {
                    if ((thread + i) % 2 == 0)
                        circuit.Admit().Failure();
                    else
                        circuit.Admit().Success();
                }
            });

            Assert.Equal(64, circuit.GetSnapshot().Total);
            circuit.Succeed(64);
            Assert.Equal((64, 0), (circuit.GetSnapshot().Successes, circuit.GetSnapshot().Failures));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public async Task A_thousand_callers_at_a_half_open_circuit_get_no_more_than_the_probes(int probes)
    {
        // Hunts: two callers taking the same slot, and several callers each making the circuit half-open, with probes of its own.
        for (int round = 0; round < 20; round++)
        {
            CircuitBreakerOptions options = CircuitCalls.OpensAtOnce;
            options.MaxProbes = probes;
            var circuit = new CircuitBreaker(options, _time);
            circuit.BreakAndWait(_time);
            int admitted = 0;

            await Everywhere(_ =>
            {
                for (int i = 0; i < 1_000 / Threads; i++)
                {
                    if (circuit.TryAcquire(out CircuitPermit _))
                        Interlocked.Increment(ref admitted);
                }
            });

            Assert.Equal(probes, admitted);
            Assert.Equal(probes, circuit.GetSnapshot().ProbesInFlight);
        }
    }

    [Fact]
    public async Task An_expired_lease_goes_to_one_caller_or_to_its_owners_report_never_to_both()
    {
        // Hunts: the owner reports at the moment in which another caller takes its slot over, and both count, or the slot is freed under
        // the new owner.
        for (int round = 0; round < 1_000; round++)
        {
            var circuit = new CircuitBreaker(CircuitCalls.OpensAtOnce, _time);
            circuit.BreakAndWait(_time);
            CircuitPermit hung = circuit.Admit();
            _time.Advance(TimeSpan.FromSeconds(30));
            int admitted = 0;

            await Everywhere(thread =>
            {
                if (thread == 0)
                    hung.Neutral();
                else if (circuit.TryAcquire(out CircuitPermit _))
                    Interlocked.Increment(ref admitted);
            });
            if (circuit.TryAcquire(out CircuitPermit _))
                admitted++;

            Assert.Equal(1, admitted);
            Assert.Equal(1, circuit.GetSnapshot().ProbesInFlight);
        }
    }

    [Fact]
    public async Task Many_failures_at_once_open_the_circuit_once()
    {
        // Hunts: several threads finding the threshold reached, each opening the circuit with a break of its own.
        for (int round = 0; round < 1_000; round++)
        {
            var circuit = new CircuitBreaker(new() { MinimumThroughput = Threads / 2, ConsecutiveFailures = Threads / 2 }, _time);
            var seen = new ConcurrentQueue<CircuitTransition>();
            circuit.Transitioned += seen.Enqueue;
            CircuitPermit[] permits = [.. Enumerable.Range(0, Threads).Select(_ => circuit.Admit())];

            await Everywhere(thread => permits[thread].Failure());

            Assert.Equal(CircuitState.Open, Assert.Single(seen).To);
            Assert.Equal(1, circuit.GetSnapshot().BreaksInARow);
        }
    }

    [Fact]
    public async Task Reaching_the_minimum_throughput_is_noticed_by_whoever_comes_last()
    {
        // Hunts: successes and failures that arrive together, each judging a window in which the others are still missing, so that nobody
        // sees the throughput reached.
        for (int round = 0; round < 5_000; round++)
        {
            var circuit = new CircuitBreaker(new() { MinimumThroughput = Threads }, _time);
            CircuitPermit[] permits = [.. Enumerable.Range(0, Threads).Select(_ => circuit.Admit())];

            await Everywhere(thread =>
            {
                if (thread % 2 == 0)
                    permits[thread].Success();
                else
                    permits[thread].Failure();
            });

            Assert.Equal(CircuitState.Open, circuit.State);
        }
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

        await Everywhere(thread =>
        {
            for (int i = 0; i < 5_000; i++)
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
        });

        Assert.False(overlapped);
        Assert.True(seen.Count > 100);
        CircuitState state = CircuitState.Closed;
        long sequence = 0;
        foreach (CircuitTransition transition in seen)
        {
            Assert.Equal(++sequence, transition.Sequence);
            Assert.Equal(state, transition.From);
            state = transition.To;
        }

        Assert.Equal(state, circuit.State);
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

    private static async Task Everywhere(Action<int> body)
    {
        using var start = new Barrier(Threads);
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                body(thread);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
    }
}
