namespace PipelineOps;

/// <summary>
/// Follows how many records of one batch a dependency takes: halves on a failure, grows again below the size that failed last, and tries that size again
/// after a while. Keep one per stage, over all of its batches. Safe for use by many threads; without a failure so far it takes no lock.
/// </summary>
/// <remarks>
/// <para>
/// Additive increase, multiplicative decrease (D. Chiu and R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer
/// Networks", 1989) that remembers its ceiling, the smallest size that failed. Where the dependency takes c records and the first batch has b: at most
/// ⌈log2(b/c)⌉ + 1 calls fail before one succeeds, they waste fewer than 2b records, and the size that succeeds is at least c/2. From there it grows by
/// <see cref="BatchOptions.CapacityStep"/>, but never by more than half the way to the ceiling, until it is one below the ceiling and so exactly c.
/// </para>
/// <para>
/// Once <see cref="BatchOptions.CeilingDuration"/> has passed, one batch of the ceiling's size is tried, and no other meanwhile. If it fails, the next try
/// comes after twice the time, up to 32 times: a steady dependency sees at most one failed try in that time. If it succeeds, there is no ceiling any more,
/// and the size grows by steps that double.
/// </para>
/// <para>Report failures that grow with the size only: out of memory, too large a request, a timeout that a smaller batch does not have.</para>
/// </remarks>
public sealed class BatchCapacity
{
    private const int Unlimited = int.MaxValue;

    private const int LongestDoubling = 32;

    private readonly TimeProvider _timeProvider;
    private readonly long _started;
    private readonly TimeSpan _ceilingDuration;
    private readonly int? _step;
    private readonly object _gate = new();
    private volatile int _limit = Unlimited;

    // The smallest size that failed, and when and how often in a row; it is tried again after a while.
    private int _ceiling = Unlimited;
    private TimeSpan _ceilingSince;
    private int _ceilingDoubling = 1;

    // A batch of this ceiling's size was given out. How it ends counts for the ceiling, how batches end that are from before the ceiling does not.
    private bool _trying;

    // The largest size that succeeded since anything of its size failed.
    private int _proven;

    // What the limit grows by next while there is no ceiling.
    private int _stride;

    /// <summary>Begins without a limit.</summary>
    /// <param name="options">
    /// <see cref="BatchOptions.CapacityStep"/> and <see cref="BatchOptions.CeilingDuration"/>; the defaults when <see langword="null"/>. Copied.
    /// </param>
    /// <param name="timeProvider">The clock; the system's when <see langword="null"/>.</param>
    /// <exception cref="InvalidOptionsException">An option is out of range.</exception>
    public BatchCapacity(BatchOptions? options = null, TimeProvider? timeProvider = null)
    {
        options ??= new BatchOptions();
        var problems = new OptionsProblems();
        options.Validate(problems, string.Empty);
        problems.ThrowIfAny();
        _step = options.CapacityStep;
        _ceilingDuration = options.CeilingDuration;
        _timeProvider = timeProvider ?? TimeProvider.System;
        _started = _timeProvider.GetTimestamp();
    }

    /// <summary>How many records a batch may have now, at least 1; <see langword="null"/> while no limit is known.</summary>
    public int? Limit => _limit is Unlimited ? null : _limit;

    /// <summary>How many records the next batch shall have. Call it with that many, and report how that ended.</summary>
    /// <param name="wanted">How many there are, at least 1.</param>
    /// <returns>From 1 to <paramref name="wanted"/>: no more than <see cref="Limit"/>, unless it is time to try the size that failed last.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="wanted"/> is less than 1.</exception>
    public int GetSize(int wanted)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(wanted, 1);
        if (wanted <= _limit)
            return wanted;

        TimeSpan now = _timeProvider.GetElapsedTime(_started);
        lock (_gate)
        {
            // A try that is never reported only costs this time again.
            if (_ceiling is not Unlimited && wanted >= _ceiling && now - _ceilingSince >= _ceilingDuration * _ceilingDoubling)
            {
                _ceilingSince = now;
                _trying = true;
                return _ceiling;
            }

            return Math.Min(wanted, _limit);
        }
    }

    /// <summary>
    /// A batch failed for its size. Failures of one size that overlap, as those of parallel calls, lower the limit once. Where a single record fails, every
    /// batch that had it failed because of it: the ceiling is forgotten, and with successes the limit doubles until a size fails again.
    /// </summary>
    /// <param name="size">How many records it had, at least 1.</param>
    /// <returns>Whether fewer may succeed: <see langword="false"/> for a single record, which is larger than the dependency takes.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is less than 1.</exception>
    public bool Failed(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        TimeSpan now = _timeProvider.GetElapsedTime(_started);
        lock (_gate)
        {
            if (size == 1)
                ForgetCeiling(_limit);
            else if (size < _ceiling)
                Lower(size, now);
            else if (size == _ceiling && _trying)
            {
                _trying = false;
                _ceilingDoubling = Math.Min(LongestDoubling, 2 * _ceilingDoubling);
                _ceilingSince = now;
            }
        }

        return size > 1;
    }

    /// <summary>A batch succeeded.</summary>
    /// <param name="size">How many records it had, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is less than 1.</exception>
    public void Succeeded(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        if (_limit is Unlimited)
            return;

        lock (_gate)
        {
            // A batch that began before its size failed proves nothing; the ceiling falls by a try alone.
            if (size < _ceiling)
                Raise(size);
            else if (_trying)
            {
                ForgetCeiling(StepBelow(_ceiling));
                Raise(size);
            }
        }
    }

    private void Lower(int size, TimeSpan now)
    {
        if (_proven >= size)
            _proven = 0;

        // Half, but no less than what is known to work.
        _limit = Math.Max(_proven, size / 2);
        _ceiling = size;
        _ceilingSince = now;
        _ceilingDoubling = 1;
        _trying = false;
    }

    private void Raise(int size)
    {
        _proven = Math.Max(_proven, size);

        // A smaller batch, or one from before the limit grew, says nothing about the limit.
        if (size < _limit)
            return;

        if (_ceiling is Unlimited)
        {
            _limit = Sum(size, _stride);
            _stride = Sum(_stride, _stride);
        }
        else
            _limit = size + Math.Min(StepBelow(_ceiling), (_ceiling - size) / 2);
    }

    private void ForgetCeiling(int stride)
    {
        _stride = stride;
        _ceiling = Unlimited;
    }

    private int StepBelow(int ceiling) => _step ?? Math.Max(1, ceiling / 16);

    private static int Sum(int a, int b) => (int)Math.Min(Unlimited, (long)a + b);
}
