using System.Numerics;

namespace PipelineOps;

/// <summary>Numbers time in epochs of a sixteenth of a window. Without a window, as for a run, there is one epoch that never ends.</summary>
internal sealed class WindowClock
{
    public const int EpochsPerWindow = 16;

    private readonly CoarseClock _clock;
    private readonly long _start;
    private readonly ulong _epochsPerMillisecond;

    public WindowClock(TimeSpan window, TimeProvider timeProvider)
    {
        _clock = new CoarseClock(timeProvider);
        _start = _clock.Milliseconds;

        // A fixed-point factor with 64 fraction bits: a multiplication costs a fraction of a division.
        ulong milliseconds = (ulong)window.TotalMilliseconds;
        _epochsPerMillisecond = (ulong)(((UInt128)EpochsPerWindow << 64) / milliseconds) + 1;

        // Room for a million counts a millisecond in one word, and above them for 350 years of epochs.
        CountBits = BitOperations.Log2(milliseconds) + 16;
    }

    private WindowClock() => CountBits = 62;

    public static WindowClock Endless { get; } = new();

    /// <summary>How many bits of a word may count; those above hold the epoch.</summary>
    public int CountBits { get; }

    public long Epoch =>
        _epochsPerMillisecond == 0 ? 0 : (long)Math.BigMul((ulong)Math.Max(0, _clock.Milliseconds - _start), _epochsPerMillisecond, out _);
}
