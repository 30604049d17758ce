using System.Diagnostics;
using System.Text;

namespace PipelineOps.Benchmarks.Records;

/// <summary>
/// Durable appends a second of the file store, from 1, 8 and 64 writers on the disk of the current directory, and beside it a bare loop that writes and flushes as
/// many bytes: what the disk gives one writer at best.
/// </summary>
internal static class StoreAppendBenchmark
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(1.5);

    /// <summary>One append after the other for each writer, with <c>0</c> writers for the bare loop.</summary>
    public static IEnumerable<(int Writers, double PerSecond, double BytesPerAppend)> Run()
    {
        string folder = Path.Combine(Environment.CurrentDirectory, "artifacts", $"store-append-{Environment.ProcessId}");
        try
        {
            Measure(folder, 64, TimeSpan.FromSeconds(0.5));
            int bytes = FailureJson.Serialize(NewFailure()).Length;
            yield return (0, MeasureBare(folder, bytes), 0);
            foreach (int writers in (int[])[1, 8, 64])
            {
                (double perSecond, double allocated) = Measure(folder, writers, Duration);
                yield return (writers, perSecond, allocated);
            }
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    private static (double PerSecond, double BytesPerAppend) Measure(string folder, int writers, TimeSpan duration)
    {
        using var store = FileFailureStore.Open(Path.Combine(folder, Guid.NewGuid().ToString("N")));
        long appended = 0;
        bool isOver = false;
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        long start = Stopwatch.GetTimestamp();
        Task[] tasks = [.. Enumerable.Range(0, writers).Select(_ => Task.Run(async () =>
        {
            // Only the id differs: what a failure costs to make is not the store's.
            FailureRecord failure = NewFailure();
            long own = 0;
            while (!Volatile.Read(ref isOver))
            {
                await store.AppendAsync([failure with { Id = Guid.NewGuid() }]);
                own++;
            }

            Interlocked.Add(ref appended, own);
        }))];
        Thread.Sleep(duration);
        Volatile.Write(ref isOver, true);
        Task.WaitAll(tasks);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        return (appended / elapsed.TotalSeconds, (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)appended);
    }

    private static double MeasureBare(string folder, int bytes)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(Path.Combine(folder, "bare"), FileMode.Create, FileAccess.Write);
        byte[] line = new byte[bytes];
        long written = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < Duration)
        {
            RandomAccess.Write(file, line, written * bytes);
            RandomAccess.FlushToDisk(file);
            written++;
        }

        return written / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static FailureRecord NewFailure()
    {
        DateTimeOffset time = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
        return new FailureRecord
        {
            Id = Guid.NewGuid(),
            Fingerprint = "a94a8fe5ccb19ba6",
            Pipeline = "orders",
            Stage = "load",
            Run = "2000-01-01T00",
            Disposition = Disposition.DeadLettered,
            Reason = DispositionReason.Exhausted,
            Category = ErrorCategory.Transient,
            Strategy = RecoveryStrategy.RetryWithBackoff,
            Severity = ErrorSeverity.Medium,
            Exceptions = [new FailureCause("System.Net.Sockets.SocketException", "Connection refused", 0)],
            Stack = string.Join('\n', Enumerable.Repeat("   at Orders.Loader.InsertAsync(Order order, CancellationToken token)", 3)),
            RecordKey = "4711",
            SourcePosition = "orders-3@12345",
            Payload = new FailurePayload { Content = Encoding.UTF8.GetBytes("{\"id\":4711,\"customer\":\"ada\",\"lines\":[1,2,3]}"), ContentType = "application/json", OriginalLength = 45 },
            Attempts = [new FailureAttempt(1, time, TimeSpan.Zero, "System.Net.Sockets.SocketException"), new FailureAttempt(2, time, TimeSpan.FromSeconds(1), "System.Net.Sockets.SocketException")],
            FirstFailedAt = time,
            LastFailedAt = time,
            Host = "ingest-1",
            Process = "ingest/4711",
            TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        };
    }
}
