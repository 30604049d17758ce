using System.Numerics;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Retrying;

public sealed class BackoffPropertyTests
{
    private const double AlmostOne = 1 - 1.0 / (1L << 53);

    private static readonly Config Thoroughly = Config.QuickThrowOnFailure.WithMaxTest(5_000);

    [Fact]
    public void A_delay_is_never_negative_and_never_above_the_cap() =>
        Check.One(Thoroughly, Prop.ForAll(Cases, c =>
        {
            TimeSpan delay = c.Delay();
            return delay >= TimeSpan.Zero && delay.Ticks <= c.CapTicks;
        }));

    [Fact]
    public void A_delay_follows_the_formula_of_its_jitter() =>
        Check.One(Thoroughly, Prop.ForAll(Cases, c =>
        {
            (double from, double to) = c.Bounds();
            double expected = from + (to - from) * c.Random;

            // The fraction of a tick is cut off, and doubles round.
            return Math.Abs(c.Delay().Ticks - expected) <= 1 + expected * 1e-12;
        }));

    [Fact]
    public void A_draw_can_reach_both_of_its_bounds() =>
        Check.One(Thoroughly, Prop.ForAll(Cases, c =>
        {
            (double from, double to) = c.Bounds();
            TimeSpan least = (c with { Random = 0 }).Delay();
            TimeSpan most = (c with { Random = AlmostOne }).Delay();
            return Math.Abs(least.Ticks - from) <= 1 + from * 1e-12 && Math.Abs(most.Ticks - to) <= 1 + to * 1e-12;
        }));

    [Fact]
    public void The_upper_bound_never_falls_from_one_retry_to_a_later_one() =>
        Check.One(Thoroughly, Prop.ForAll(Cases, Retries.ToArbitrary(), (c, other) =>
        {
            Case earlier = c with { Retry = Math.Min(c.Retry, other), Random = AlmostOne };
            Case later = earlier with { Retry = Math.Max(c.Retry, other) };
            return earlier.Delay() <= later.Delay();
        }));

    [Fact]
    public void The_decorrelated_upper_bound_never_falls_as_the_previous_delay_grows() =>
        Check.One(Thoroughly, Prop.ForAll(Cases, Ticks.ToArbitrary(), (c, other) =>
        {
            Case shorter = c with { Jitter = Jitter.Decorrelated, PreviousTicks = Math.Min(c.PreviousTicks, other), Random = AlmostOne };
            Case longer = shorter with { PreviousTicks = Math.Max(c.PreviousTicks, other) };
            return shorter.Delay() <= longer.Delay();
        }));

    [Fact]
    public void A_zero_base_never_delays() =>
        Check.One(Thoroughly, Prop.ForAll(Cases, c => (c with { BaseTicks = 0, PreviousTicks = 0 }).Delay() == TimeSpan.Zero));

    // Every magnitude from nothing to a month alike, so that bases and caps come in either order.
    private static Gen<long> Ticks =>
        Gen.Frequency((1, Gen.Constant(0L)), (9, Gen.Choose(0, 24 * 60).Select(e => (long)Math.Pow(2, e * 41.0 / (24 * 60)))));

    private static Gen<int> Retries =>
        Gen.Frequency((8, Gen.Choose(1, 60)), (1, Gen.Choose(1, int.MaxValue)), (1, Gen.Elements(1, 2, 1_023, 1_024, 2_000, int.MaxValue)));

    private static Gen<double> Randoms =>
        Gen.Frequency((8, Gen.Choose(0, 999_999).Select(static n => n / 1e6)), (1, Gen.Constant(0.0)), (1, Gen.Constant(AlmostOne)));

    private static Arbitrary<Case> Cases =>
        (from growth in Gen.Elements(Enum.GetValues<Growth>())
         from jitter in Gen.Elements(Enum.GetValues<Jitter>())
         from baseTicks in Ticks
         from maxTicks in Ticks
         from factor in Gen.Elements(1, 2, 3, 10)
         from retry in Retries
         from previousTicks in Ticks
         from random in Randoms
         select new Case(growth, jitter, baseTicks, maxTicks, factor, retry, previousTicks, random)).ToArbitrary();

    public enum Growth
    {
        Constant,
        Linear,
        Exponential,
    }

    private sealed record Case(
        Growth Growth, Jitter Jitter, long BaseTicks, long MaxTicks, int Factor, int Retry, long PreviousTicks, double Random)
    {
        public long CapTicks => Growth is Growth.Constant ? BaseTicks : MaxTicks;

        public TimeSpan Delay() => (Growth switch
        {
            Growth.Constant => Backoff.Constant(new TimeSpan(BaseTicks), Jitter),
            Growth.Linear => Backoff.Linear(new TimeSpan(BaseTicks), new TimeSpan(MaxTicks), Jitter),
            _ => Backoff.Exponential(new TimeSpan(BaseTicks), new TimeSpan(MaxTicks), Factor, Jitter),
        }).GetDelay(Retry, new TimeSpan(PreviousTicks), () => Random);

        /// <summary>The published formulas again, in whole numbers that cannot overflow.</summary>
        public (double From, double To) Bounds()
        {
            BigInteger grown = Growth switch
            {
                Growth.Constant => BaseTicks,
                Growth.Linear => BigInteger.Multiply(BaseTicks, Retry),
                _ => BaseTicks * BigInteger.Pow(Factor, Math.Min(Retry, 64) - 1), // Above 2^63 is above every cap.
            };
            double v = (double)BigInteger.Min(grown, CapTicks);
            return Jitter switch
            {
                Jitter.Full => (0, v),
                Jitter.Equal => (v / 2, v),
                Jitter.Decorrelated => (BaseTicks < CapTicks ? BaseTicks : 0, Math.Min(CapTicks, 3 * Math.Max(BaseTicks, PreviousTicks))),
                _ => (v, v),
            };
        }
    }
}
