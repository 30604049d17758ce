namespace PipelineOps.Tests.Retrying;

public sealed class BackoffTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1L);

    [Fact]
    public void Invalid_arguments_are_listed_together_by_name()
    {
        var exception = Assert.Throws<InvalidOptionsException>(
            () => Backoff.Exponential(-Second, -Second, 0.5, (Jitter)9));

        Assert.Collection(
            exception.Failures,
            static f => Assert.Equal("baseDelay is -00:00:01, but must be zero or more.", f),
            static f => Assert.StartsWith("maxDelay is -00:00:01", f, StringComparison.Ordinal),
            static f => Assert.StartsWith("jitter is 9", f, StringComparison.Ordinal),
            static f => Assert.StartsWith("factor is 0.5", f, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(0.999)]
    public void A_factor_that_does_not_grow_or_is_not_finite_is_invalid(double factor) =>
        Assert.Contains(
            "factor",
            Assert.Throws<InvalidOptionsException>(() => Backoff.Exponential(Second, factor: factor)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Every_kind_refuses_its_own_invalid_arguments()
    {
        Assert.Equal(2, Assert.Throws<InvalidOptionsException>(() => Backoff.Constant(-Second, (Jitter)(-1))).Failures.Count);
        Assert.Equal(3, Assert.Throws<InvalidOptionsException>(() => Backoff.Linear(-Second, -Second, (Jitter)4)).Failures.Count);
        Assert.Throws<ArgumentNullException>("delay", () => Backoff.Custom(null!));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void Retries_are_counted_from_one(int retry)
    {
        Assert.Throws<ArgumentOutOfRangeException>(nameof(retry), () => Backoff.None.GetDelay(retry));
        Assert.Throws<ArgumentOutOfRangeException>(nameof(retry), () => Backoff.Custom(static _ => TimeSpan.Zero).GetDelay(retry));
    }

    [Fact]
    public void A_custom_delay_that_throws_is_replaced_by_the_default_backoff()
    {
        var backoff = Backoff.Custom(static _ => throw new InvalidOperationException());

        Assert.Equal(TimeSpan.FromMilliseconds(400), backoff.GetDelay(3, random: static () => 0.5));
        Assert.Equal(TimeSpan.FromSeconds(15), backoff.GetDelay(100, random: static () => 0.5));
    }

    [Fact]
    public void A_negative_custom_delay_is_zero() =>
        Assert.Equal(TimeSpan.Zero, Backoff.Custom(static _ => TimeSpan.MinValue).GetDelay(1));

    [Fact]
    public void A_custom_delay_is_taken_as_it_is_for_its_retry() =>
        Assert.Equal(
            [new TimeSpan(1), new TimeSpan(4), new TimeSpan(9)],
            Enumerable.Range(1, 3).Select(n => Backoff.Custom(static retry => new TimeSpan(retry * retry)).GetDelay(n, random: NoDraw)));

    [Theory]
    [MemberData(nameof(KindsThatGrowBeyondEveryBound))]
    public void No_attempt_overflows(string kind, Backoff backoff)
    {
        foreach (int retry in (int[])[2, 2_000, int.MaxValue])
        {
            TimeSpan delay = backoff.GetDelay(retry, TimeSpan.MaxValue, static () => 0.999);

            Assert.True(delay > 0.99 * LongestTimer && delay <= LongestTimer, $"{kind}, retry {retry}: {delay}");
        }
    }

    [Fact]
    public void The_longest_delay_is_one_that_a_timer_accepts()
    {
        TimeSpan delay = Backoff.Constant(TimeSpan.MaxValue, Jitter.None).GetDelay(1);

        Assert.Equal(LongestTimer, delay);
        Assert.True(Task.Delay(delay, TimeProvider.System, new CancellationToken(canceled: true)).IsCanceled);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2_000)]
    [InlineData(int.MaxValue)]
    public void A_zero_base_never_delays_even_where_its_power_overflows(int retry)
    {
        Assert.Equal(TimeSpan.Zero, Backoff.Exponential(TimeSpan.Zero, factor: double.MaxValue, jitter: Jitter.None).GetDelay(retry));
        Assert.Equal(TimeSpan.Zero, Backoff.Exponential(TimeSpan.Zero, factor: double.MaxValue).GetDelay(retry));
        Assert.Equal(TimeSpan.Zero, Backoff.Linear(TimeSpan.Zero, jitter: Jitter.Equal).GetDelay(retry));
        Assert.Equal(TimeSpan.Zero, Backoff.None.GetDelay(retry, Second));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(double.PositiveInfinity)]
    public void A_random_source_out_of_its_range_cannot_break_the_bounds(double random)
    {
        foreach (Jitter jitter in Enum.GetValues<Jitter>())
            Assert.InRange(Backoff.Exponential(Second, Second * 8, jitter: jitter).GetDelay(9, Second, () => random), TimeSpan.Zero, Second * 8);
    }

    [Theory]
    [MemberData(nameof(KindsAtTheirCap))]
    public void Delays_at_the_cap_stay_spread(string kind, Backoff backoff, double from)
    {
        var random = new Random(7);
        TimeSpan cap = Second * 10;
        TimeSpan[] delays = [.. Enumerable.Range(0, 10_000).Select(_ => backoff.GetDelay(40, cap, random.NextDouble))];

        // A uniform draw puts a tenth into each tenth; one clamped at the cap would put most of it into the last.
        double width = (10 - from) / 10;
        for (int tenth = 0; tenth < 10; tenth++)
        {
            int inside = delays.Count(d => d.TotalSeconds >= from + tenth * width && d.TotalSeconds < from + (tenth + 1) * width);
            Assert.True(inside is > 850 and < 1_150, $"{kind}: {inside} of 10,000 in tenth {tenth}");
        }
    }

    [Fact]
    public void Without_a_random_source_delays_are_spread_too()
    {
        var backoff = Backoff.Exponential(Second);

        Assert.True(Enumerable.Range(0, 100).Select(_ => backoff.GetDelay(1)).Distinct().Count() > 90);
    }

    [Fact]
    public void Exact_delays_draw_nothing()
    {
        Assert.Equal(Second * 7, Backoff.Constant(Second * 7, Jitter.None).GetDelay(5, random: NoDraw));
        Assert.Equal(Second * 5, Backoff.Linear(Second, jitter: Jitter.None).GetDelay(5, random: NoDraw));
        Assert.Equal(Second * 16, Backoff.Exponential(Second, jitter: Jitter.None).GetDelay(5, random: NoDraw));
        Assert.Equal(Second * 2.25, Backoff.Exponential(Second, factor: 1.5, jitter: Jitter.None).GetDelay(3, random: NoDraw));
    }

    [Theory]
    [InlineData(Jitter.Full, 1, 250)]
    [InlineData(Jitter.Full, 3, 1_000)]
    [InlineData(Jitter.Full, 9, 2_500)]
    [InlineData(Jitter.Equal, 1, 625)]
    [InlineData(Jitter.Equal, 3, 2_500)]
    [InlineData(Jitter.Equal, 9, 6_250)]
    [InlineData(Jitter.Decorrelated, 1, 2_250)]
    [InlineData(Jitter.None, 9, 10_000)]
    public void A_known_draw_gives_a_known_delay(Jitter jitter, int retry, double milliseconds) =>
        Assert.Equal(
            TimeSpan.FromMilliseconds(milliseconds),
            Backoff.Exponential(Second, Second * 10, jitter: jitter).GetDelay(retry, Second * 2, static () => 0.25));

    [Fact]
    public void The_same_seed_gives_the_same_delays()
    {
        var backoff = Backoff.Exponential(Second);
        var (first, second) = (new Random(42), new Random(42));

        foreach (int retry in Enumerable.Range(1, 20))
            Assert.Equal(backoff.GetDelay(retry, random: first.NextDouble), backoff.GetDelay(retry, random: second.NextDouble));
    }

    [Fact]
    public void A_decorrelated_chain_grows_from_the_delay_before_up_to_the_cap()
    {
        var backoff = Backoff.Exponential(Second, Second * 20, jitter: Jitter.Decorrelated);
        TimeSpan previous = default;
        var chain = new List<double>();
        foreach (int retry in Enumerable.Range(1, 5))
            chain.Add((previous = backoff.GetDelay(retry, previous, static () => 0.5)).TotalSeconds);

        // The middle between 1 s and three times the delay before, which counts as 1 s at first and is capped at 20 s at last.
        Assert.Equal([2, 3.5, 5.75, 9.125, 10.5], chain);
    }

    [Fact]
    public void The_default_cap_is_thirty_seconds_or_a_longer_base()
    {
        Assert.Equal(Second * 30, Backoff.Exponential(Second, jitter: Jitter.None).GetDelay(20));
        Assert.Equal(Second * 30, Backoff.Linear(Second, jitter: Jitter.None).GetDelay(50));
        Assert.Equal(Second * 60, Backoff.Exponential(Second * 60, jitter: Jitter.None).GetDelay(20));
    }

    [Fact]
    public void A_cap_below_the_base_binds_the_first_delay() =>
        Assert.Equal(Second, Backoff.Exponential(Second * 60, maxDelay: Second, jitter: Jitter.None).GetDelay(1));

    [Fact]
    public void A_delay_allocates_nothing()
    {
        Func<double> random = static () => 0.5;
        Backoff[] kinds =
        [
            Backoff.None,
            Backoff.Custom(static _ => Second),
            .. Enum.GetValues<Jitter>().SelectMany(static j => (Backoff[])[Backoff.Constant(Second, j), Backoff.Linear(Second, null, j), Backoff.Exponential(Second, jitter: j)]),
        ];
        DelayAll(1);

        long before = GC.GetAllocatedBytesForCurrentThread();
        DelayAll(100);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void DelayAll(int retries)
        {
            foreach (Backoff backoff in kinds)
            {
                for (int retry = 1; retry <= retries; retry++)
                {
                    backoff.GetDelay(retry, Second);
                    backoff.GetDelay(retry, Second, random);
                }
            }
        }
    }

    public static TheoryData<string, Backoff> KindsThatGrowBeyondEveryBound()
    {
        var data = new TheoryData<string, Backoff>();
        foreach (Jitter jitter in Enum.GetValues<Jitter>())
        {
            data.Add($"constant, {jitter}", Backoff.Constant(TimeSpan.MaxValue, jitter));
            data.Add($"linear, {jitter}", Backoff.Linear(TimeSpan.MaxValue, TimeSpan.MaxValue, jitter));
            data.Add($"exponential, {jitter}", Backoff.Exponential(TimeSpan.MaxValue, TimeSpan.MaxValue, double.MaxValue, jitter));
        }

        return data;
    }

    public static TheoryData<string, Backoff, double> KindsAtTheirCap() => new()
    {
        { "constant, full", Backoff.Constant(Second * 10), 0 },
        { "constant, equal", Backoff.Constant(Second * 10, Jitter.Equal), 5 },
        { "constant, decorrelated", Backoff.Constant(Second * 10, Jitter.Decorrelated), 0 },
        { "linear, full", Backoff.Linear(Second, Second * 10), 0 },
        { "exponential, full", Backoff.Exponential(Second, Second * 10), 0 },
        { "exponential, equal", Backoff.Exponential(Second, Second * 10, jitter: Jitter.Equal), 5 },
        { "exponential, decorrelated", Backoff.Exponential(Second, Second * 10, jitter: Jitter.Decorrelated), 1 },
        { "exponential, decorrelated, cap below base", Backoff.Exponential(Second * 20, Second * 10, jitter: Jitter.Decorrelated), 0 },
    };

    private static double NoDraw() => throw new InvalidOperationException("Drawn.");
}
