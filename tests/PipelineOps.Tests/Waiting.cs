namespace PipelineOps.Tests;

/// <summary>Waits for what another thread is about to do. The time limit only ends a test that would hang.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static async Task Until(Func<bool> condition)
    {
        long end = Environment.TickCount64 + (long)Limit.TotalMilliseconds;
        for (int i = 0; !condition(); i++)
        {
            Assert.True(Environment.TickCount64 < end, "The condition never came true.");
            if (i < 50)
                await Task.Yield();
            else
                await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Moves the clock once as many timers are set as the test expects.</summary>
    public static async Task AdvanceOnceWaiting(this ManualTimeProvider time, TimeSpan by, int timers = 1)
    {
        await Until(() => time.ActiveTimers >= timers);
        time.Advance(by);
    }

    public static Task<T> InTime<T>(this ValueTask<T> pending) => pending.AsTask().WaitAsync(Limit, TestContext.Current.CancellationToken);

    public static Task InTime(this ValueTask pending) => pending.AsTask().WaitAsync(Limit, TestContext.Current.CancellationToken);
}
