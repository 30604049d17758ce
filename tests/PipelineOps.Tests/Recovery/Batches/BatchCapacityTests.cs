namespace PipelineOps.Tests.Recovery.Batches;

public sealed class BatchCapacityTests
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly BatchCapacity _capacity;

    public BatchCapacityTests() => _capacity = new BatchCapacity(timeProvider: _clock);

    [Fact]
    public void Every_invalid_option_is_listed()
    {
        var options = new BatchOptions { CapacityStep = 0, CeilingDuration = TimeSpan.Zero };

        var exception = Assert.Throws<InvalidOptionsException>(() => new BatchCapacity(options));

        Assert.Equal(["CapacityStep", "CeilingDuration"], exception.Failures.Select(static f => f.Split(' ')[0]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public void A_batch_has_at_least_one_record(int size)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _capacity.GetSize(size));
        Assert.Throws<ArgumentOutOfRangeException>(() => _capacity.Failed(size));
        Assert.Throws<ArgumentOutOfRangeException>(() => _capacity.Succeeded(size));
    }

    [Fact]
    public void There_is_no_limit_before_a_failure()
    {
        _capacity.Succeeded(10);

        Assert.Null(_capacity.Limit);
        Assert.Equal(int.MaxValue, _capacity.GetSize(int.MaxValue));
    }

    [Fact]
    public void A_record_that_is_too_large_alone_says_so_and_lowers_nothing()
    {
        Assert.False(_capacity.Failed(1));

        Assert.Null(_capacity.Limit);
    }

    [Fact]
    public void A_record_that_is_too_large_alone_does_not_keep_the_batches_after_it_small()
    {
        for (int size = 1_000; size > 1; size /= 2)
            Assert.True(_capacity.Failed(size));
        Assert.False(_capacity.Failed(1));
        List<int> sizes = [];

        for (int batch = 0; batch < 11; batch++)
        {
            sizes.Add(_capacity.GetSize(1_000));
            _capacity.Succeeded(sizes[^1]);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000], sizes);
    }

    [Fact]
    public void Where_every_record_is_too_large_alone_batches_stay_small()
    {
        for (int size = 1_000; size > 1; size /= 2)
            _capacity.Failed(size);

        for (int record = 0; record < 5; record++)
        {
            Assert.Equal(1, _capacity.GetSize(1_000));
            Assert.False(_capacity.Failed(1));
        }
    }

    [Fact]
    public void The_limit_ends_at_one_record()
    {
        Assert.True(_capacity.Failed(3));
        Assert.Equal(1, _capacity.Limit);
        Assert.True(_capacity.Failed(2));
        Assert.Equal(1, _capacity.Limit);

        Assert.Equal(1, _capacity.GetSize(1_000));
    }

    [Fact]
    public void Failures_of_one_size_that_overlap_halve_once()
    {
        for (int call = 0; call < 8; call++)
            Assert.True(_capacity.Failed(1_000));

        Assert.Equal(500, _capacity.Limit);
    }

    [Fact]
    public void A_batch_from_before_the_limit_does_not_raise_it()
    {
        _capacity.Failed(1_000);

        _capacity.Succeeded(1_000);
        _capacity.Succeeded(2_000);

        Assert.Equal(500, _capacity.Limit);
    }

    [Fact]
    public void A_small_batch_does_not_raise_the_limit()
    {
        _capacity.Failed(1_000);

        _capacity.Succeeded(499);

        Assert.Equal(500, _capacity.Limit);
    }

    [Theory]
    [InlineData(null, 562)]
    [InlineData(100, 600)]
    [InlineData(1_000, 750)]
    public void A_success_at_the_limit_raises_it_by_the_step_but_by_half_the_way_to_the_ceiling_at_most(int? step, int limit)
    {
        var capacity = new BatchCapacity(new BatchOptions { CapacityStep = step }, _clock);
        capacity.Failed(1_000);

        capacity.Succeeded(capacity.GetSize(1_000));

        Assert.Equal(limit, capacity.Limit);
    }

    [Fact]
    public void What_is_known_to_work_is_kept_when_a_larger_size_fails()
    {
        _capacity.Failed(1_000);
        _capacity.Succeeded(500);

        _capacity.Failed(562);

        Assert.Equal(500, _capacity.Limit);
    }

    [Fact]
    public void What_worked_once_and_fails_now_is_halved()
    {
        _capacity.Failed(1_000);
        _capacity.Succeeded(500);

        _capacity.Failed(562);
        _capacity.Failed(500);

        Assert.Equal(250, _capacity.Limit);
    }

    [Fact]
    public void The_ceiling_is_tried_again_by_one_batch_after_a_while()
    {
        var dependency = new Dependency(_capacity, 700);
        dependency.Run(1_000, batches: 50);
        int? limit = _capacity.Limit;
        Assert.Equal(700, limit);

        _clock.Advance(Period - TimeSpan.FromTicks(1));
        Assert.Equal(700, _capacity.GetSize(1_000));

        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(700, _capacity.GetSize(700));
        Assert.Equal(701, _capacity.GetSize(1_000));
        Assert.Equal(700, _capacity.GetSize(1_000));
        Assert.Equal(700, _capacity.Limit);
    }

    [Fact]
    public void A_try_that_is_never_reported_is_followed_by_another_one()
    {
        _capacity.Failed(1_000);
        _clock.Advance(Period);
        Assert.Equal(1_000, _capacity.GetSize(1_000));

        _clock.Advance(Period);

        Assert.Equal(1_000, _capacity.GetSize(1_000));
        Assert.Equal(500, _capacity.GetSize(1_000));
    }

    [Fact]
    public void A_try_that_a_new_ceiling_overtakes_does_not_count()
    {
        _capacity.Failed(1_000);
        _clock.Advance(Period);
        Assert.Equal(1_000, _capacity.GetSize(1_000));

        _capacity.Failed(500);
        _capacity.Succeeded(1_000);

        Assert.Equal(250, _capacity.Limit);
    }

    [Fact]
    public void Each_failed_try_doubles_the_time_to_the_next_up_to_32_times()
    {
        _capacity.Failed(1_000);
        List<double> minutes = [];
        for (int failure = 0; failure < 8; failure++)
        {
            TimeSpan waited = TimeSpan.Zero;
            for (; _capacity.GetSize(1_000) < 1_000; waited += Period / 4)
                _clock.Advance(Period / 4);
            minutes.Add(waited.TotalMinutes);

            // The time counts from the failure, not from the beginning of the try.
            _clock.Advance(Period / 2);
            _capacity.Failed(1_000);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 32, 32], minutes);
        Assert.Equal(500, _capacity.Limit);
    }

    [Fact]
    public void A_failure_from_before_does_not_lengthen_the_time_to_the_next_try()
    {
        _capacity.Failed(1_000);
        _clock.Advance(Period / 2);
        _capacity.Failed(1_000);

        _clock.Advance(Period / 2);

        Assert.Equal(1_000, _capacity.GetSize(1_000));
    }

    [Fact]
    public void A_new_ceiling_is_tried_again_after_the_first_time()
    {
        _capacity.Failed(1_000);
        _clock.Advance(Period);
        _capacity.Failed(_capacity.GetSize(1_000));
        _capacity.Failed(500);

        _clock.Advance(Period);

        Assert.Equal(500, _capacity.GetSize(1_000));
    }

    [Fact]
    public void A_try_that_succeeds_lifts_the_ceiling_and_growth_doubles()
    {
        _capacity.Failed(1_600);
        _clock.Advance(Period);
        List<int> sizes = [];

        for (int batch = 0; batch < 6; batch++)
        {
            sizes.Add(_capacity.GetSize(5_000));
            _capacity.Succeeded(sizes[^1]);
        }

        Assert.Equal([1_600, 1_700, 1_900, 2_300, 3_100, 4_700], sizes);
        Assert.Equal(5_000, _capacity.GetSize(5_000));
    }

    [Fact]
    public void The_limit_follows_a_capacity_that_shrinks_and_grows()
    {
        var dependency = new Dependency(_capacity, 800);
        dependency.Run(10_000, batches: 60);
        Assert.Equal(800, _capacity.Limit);

        dependency.Takes = 90;
        dependency.Run(10_000, batches: 60);
        Assert.Equal(90, _capacity.Limit);

        dependency.Takes = 6_000;
        _clock.Advance(Period);
        dependency.Run(10_000, batches: 60);
        Assert.Equal(6_000, _capacity.Limit);
    }

    [Fact]
    public void Without_a_ceiling_there_is_nothing_to_try()
    {
        _capacity.Failed(3);
        _capacity.Failed(1);

        _clock.Advance(Period * 32);

        Assert.Equal(1, _capacity.GetSize(int.MaxValue));
    }

    // Hunts a limit that leaves its range, a batch larger than wanted and a second batch tried at the ceiling in one period.
    [Fact]
    public void Parallel_batches_keep_the_limit_in_its_range_and_try_the_ceiling_once()
    {
        const int Threads = 8;
        var dependency = new Dependency(_capacity, 300);
        dependency.Run(1_000, batches: 60);
        Assert.Equal(300, _capacity.Limit);

        for (int period = 0; period < 20; period++)
        {
            _clock.Advance(Period * 32);
            int tries = 0;
            int outOfRange = 0;
            using var start = new Barrier(Threads);
            Thread[] threads =
            [
                .. Enumerable.Range(0, Threads).Select(n => new Thread(() =>
                {
                    start.SignalAndWait();
                    for (int batch = 0; batch < 200; batch++)
                    {
                        int wanted = batch % 2 == 0 ? 1_000 : 1 + n;
                        int size = _capacity.GetSize(wanted);
                        if (size < 1 || size > wanted || _capacity.Limit is null or < 1 or > 300)
                            Interlocked.Increment(ref outOfRange);
                        if (size <= 300)
                            _capacity.Succeeded(size);
                        else
                        {
                            Interlocked.Increment(ref tries);
                            _capacity.Failed(size);
                        }
                    }
                })),
            ];
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                thread.Join();

            Assert.Equal((1, 0), (tries, outOfRange));
            Assert.Equal(300, _capacity.Limit);
        }
    }

    // Hunts a limit that several threads lower for one failure, and growth that parallel successes multiply, while the capacity jumps.
    [Fact]
    public void Parallel_batches_settle_on_the_capacity()
    {
        const int Threads = 8;
        int takes = 1_000;
        foreach (int next in (int[])[1_000, 60, 777, 5, 2_500])
        {
            Volatile.Write(ref takes, next);
            _clock.Advance(Period * 32);
            using var start = new Barrier(Threads);
            Thread[] threads =
            [
                .. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
                {
                    start.SignalAndWait();
                    for (int batch = 0; batch < 500; batch++)
                    {
                        int size = _capacity.GetSize(100_000);
                        if (size > Volatile.Read(ref takes))
                            _capacity.Failed(size);
                        else
                            _capacity.Succeeded(size);
                    }
                })),
            ];
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                thread.Join();

            Assert.Equal(next, _capacity.Limit);
        }
    }
}
