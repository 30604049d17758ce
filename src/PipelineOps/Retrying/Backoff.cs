namespace PipelineOps;

/// <summary>How long to wait before a retry. Immutable; one instance can serve any number of stages.</summary>
/// <remarks>
/// Delays are never negative, never above their cap, and never above 49.7 days, the longest that a timer can wait.
/// The formulas and their source are named at <see cref="Jitter"/>.
/// </remarks>
public abstract class Backoff
{
    private static readonly TimeSpan DefaultMaxDelay = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1L);

    private Backoff()
    {
    }

    /// <summary>No delay at all.</summary>
    public static Backoff None { get; } = Constant(TimeSpan.Zero, Jitter.None);

    /// <summary>Exponential from 200 ms to 30 s with full jitter: what retries use when nothing else is asked for.</summary>
    internal static Backoff Default { get; } = Exponential(TimeSpan.FromMilliseconds(200));

    /// <summary>The same delay before every retry.</summary>
    /// <param name="delay">The delay before jitter, zero or more. Jitter only shortens it.</param>
    /// <param name="jitter">How the delay is spread. <see cref="Jitter.Decorrelated"/> has no room to grow here and is the same as <see cref="Jitter.Full"/>.</param>
    /// <exception cref="InvalidOptionsException">A parameter is out of range; all that are, are listed.</exception>
    public static Backoff Constant(TimeSpan delay, Jitter jitter = Jitter.Full)
    {
        var problems = new OptionsProblems();
        RequireDelay(problems, delay, nameof(delay));
        RequireJitter(problems, jitter);
        problems.ThrowIfAny();
        return new Formula(_ => delay.Ticks, delay, delay, jitter);
    }

    /// <summary>A delay that grows by the same step: <c>min(maxDelay, baseDelay · retry)</c>.</summary>
    /// <param name="baseDelay">The first delay and the step, before jitter, zero or more.</param>
    /// <param name="maxDelay">The cap, zero or more; it binds the first delay too. Default: 30 seconds, or <paramref name="baseDelay"/> if that is longer.</param>
    /// <param name="jitter">How the delay is spread.</param>
    /// <exception cref="InvalidOptionsException">A parameter is out of range; all that are, are listed.</exception>
    public static Backoff Linear(TimeSpan baseDelay, TimeSpan? maxDelay = null, Jitter jitter = Jitter.Full)
    {
        var problems = new OptionsProblems();
        RequireGrowth(problems, baseDelay, maxDelay, jitter);
        problems.ThrowIfAny();
        return new Formula(retry => (double)baseDelay.Ticks * retry, baseDelay, CapOf(baseDelay, maxDelay), jitter);
    }

    /// <summary>A delay that grows by the same factor: <c>min(maxDelay, baseDelay · factor^(retry − 1))</c>.</summary>
    /// <param name="baseDelay">The first delay, before jitter, zero or more.</param>
    /// <param name="maxDelay">The cap, zero or more; it binds the first delay too. Default: 30 seconds, or <paramref name="baseDelay"/> if that is longer.</param>
    /// <param name="factor">What each delay is multiplied by to give the next, 1 or more and finite. Default: 2.</param>
    /// <param name="jitter">How the delay is spread.</param>
    /// <exception cref="InvalidOptionsException">A parameter is out of range; all that are, are listed.</exception>
    public static Backoff Exponential(TimeSpan baseDelay, TimeSpan? maxDelay = null, double factor = 2, Jitter jitter = Jitter.Full)
    {
        var problems = new OptionsProblems();
        RequireGrowth(problems, baseDelay, maxDelay, jitter);
        problems.Require(factor >= 1 && double.IsFinite(factor), nameof(factor), factor, "1 or more and finite");
        problems.ThrowIfAny();
        return new Formula(retry => baseDelay.Ticks * Math.Pow(factor, retry - 1), baseDelay, CapOf(baseDelay, maxDelay), jitter);
    }

    /// <summary>A delay of the user's own making, taken as it is, without jitter. A negative one counts as zero.</summary>
    /// <param name="delay">
    /// Gives the delay for a retry, counted from 1. If it throws, that retry waits as the default backoff would (exponential from 200 ms
    /// to 30 s with full jitter): its exception must neither hide the error that is being retried nor let retries run without a delay.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="delay"/> is <see langword="null"/>.</exception>
    public static Backoff Custom(Func<int, TimeSpan> delay)
    {
        ArgumentNullException.ThrowIfNull(delay);
        return new UserDefined(delay);
    }

    /// <summary>The delay before a retry. Allocates nothing.</summary>
    /// <param name="retry">Which retry, counted from 1.</param>
    /// <param name="previousDelay">The delay before the retry before, which only <see cref="Jitter.Decorrelated"/> reads; less than the base counts as the base. Default: zero.</param>
    /// <param name="random">Draws from 0 (inclusive) to 1 (exclusive). Default: <see cref="Random.Shared"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="retry"/> is less than 1.</exception>
    public TimeSpan GetDelay(int retry, TimeSpan previousDelay = default, Func<double>? random = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(retry, 1);
        return Delay(retry, previousDelay, random);
    }

    private protected abstract TimeSpan Delay(int retry, TimeSpan previousDelay, Func<double>? random);

    private static TimeSpan CapOf(TimeSpan baseDelay, TimeSpan? maxDelay) =>
        maxDelay ?? (baseDelay > DefaultMaxDelay ? baseDelay : DefaultMaxDelay);

    private static void RequireGrowth(OptionsProblems problems, TimeSpan baseDelay, TimeSpan? maxDelay, Jitter jitter)
    {
        RequireDelay(problems, baseDelay, nameof(baseDelay));
        RequireDelay(problems, maxDelay ?? TimeSpan.Zero, nameof(maxDelay));
        RequireJitter(problems, jitter);
    }

    private static void RequireDelay(OptionsProblems problems, TimeSpan delay, string field) =>
        problems.Require(delay >= TimeSpan.Zero, field, delay, "zero or more");

    private static void RequireJitter(OptionsProblems problems, Jitter jitter) =>
        problems.Require(Enum.IsDefined(jitter), nameof(jitter), jitter, "a named value");

    private sealed class Formula(Func<int, double> growth, TimeSpan baseDelay, TimeSpan maxDelay, Jitter jitter) : Backoff
    {
        private readonly double _base = baseDelay.Ticks;

        // A double holds every tick count up to the longest timer exactly.
        private readonly double _cap = Math.Min(maxDelay.Ticks, LongestTimer.Ticks);

        private protected override TimeSpan Delay(int retry, TimeSpan previousDelay, Func<double>? random)
        {
            double most = Math.Min(_cap, growth(retry));
            double ticks = jitter switch
            {
                Jitter.Full => Draw(0, most, random),
                Jitter.Equal => Draw(most / 2, most, random),
                Jitter.Decorrelated => Draw(_base < _cap ? _base : 0, Math.Min(_cap, 3 * Math.Max(_base, previousDelay.Ticks)), random),
                _ => most,
            };

            // A zero base times an overflown power is not a number; the comparison makes it zero.
            return ticks > 0 ? new TimeSpan((long)ticks) : TimeSpan.Zero;
        }

        private static double Draw(double from, double to, Func<double>? random) =>
            from + (to - from) * (random is null ? Random.Shared.NextDouble() : Math.Clamp(random(), 0, 1));
    }

    private sealed class UserDefined(Func<int, TimeSpan> delay) : Backoff
    {
        private protected override TimeSpan Delay(int retry, TimeSpan previousDelay, Func<double>? random)
        {
            try
            {
                return new TimeSpan(Math.Clamp(delay(retry).Ticks, 0, LongestTimer.Ticks));
            }
            catch (Exception)
            {
                return Default.GetDelay(retry, previousDelay, random);
            }
        }
    }
}
