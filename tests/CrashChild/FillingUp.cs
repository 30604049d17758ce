namespace PipelineOps.CrashChild;

/// <summary>Appends until the disk is full, makes room, goes on, and compares what is there with what was acknowledged.</summary>
internal static class FillingUp
{
    private const int Enough = 5_000;

    public static async Task<int> Run(string folder, string ballast)
    {
        File.WriteAllBytes(ballast, new byte[64 << 10]);
        HashSet<Guid> tried = [];
        HashSet<Guid> acknowledged = [];
        FailureRecord? refused = null;
        await using (var store = FileFailureStore.Open(folder))
        {
            while (refused is null && tried.Count < Enough)
                refused = await TryAppend(store, tried, acknowledged, NewFailure());

            Console.WriteLine($"before={acknowledged.Count}");
            await TryAppend(store, tried, acknowledged, NewFailure());
            HashSet<Guid> whileFull = await Ids(store);
            Console.WriteLine($"full lost={acknowledged.Except(whileFull).Count()} invented={whileFull.Except(tried).Count()} unacknowledged={whileFull.Except(acknowledged).Count()}");

            File.Delete(ballast);
            int before = acknowledged.Count;
            if (refused is not null)
                await TryAppend(store, tried, acknowledged, refused);
            for (int i = 0; i < 10; i++)
                await TryAppend(store, tried, acknowledged, NewFailure());
            Console.WriteLine($"after={acknowledged.Count - before}");
        }

        await using (var store = FileFailureStore.Open(folder))
        {
            HashSet<Guid> kept = await Ids(store);
            Console.WriteLine($"reopened lost={acknowledged.Except(kept).Count()} invented={kept.Except(tried).Count()} damaged={store.Damage.Count}");
        }

        return 0;
    }

    private static async Task<FailureRecord?> TryAppend(FileFailureStore store, HashSet<Guid> tried, HashSet<Guid> acknowledged, FailureRecord failure)
    {
        tried.Add(failure.Id);
        try
        {
            await store.AppendAsync([failure]);
            acknowledged.Add(failure.Id);
            return null;
        }
        catch (IOException exception)
        {
            Console.WriteLine($"error={exception.Message}");
            return failure;
        }
    }

    private static async Task<HashSet<Guid>> Ids(FileFailureStore store)
    {
        HashSet<Guid> ids = [];
        await foreach (StoredFailure failure in store.ReadAsync(FailureFilter.All))
            ids.Add(failure.Record.Id);
        return ids;
    }

    private static FailureRecord NewFailure() => new()
    {
        Id = Guid.NewGuid(),
        Fingerprint = "f1",
        Pipeline = "orders",
        Stage = "load",
        Disposition = Disposition.DeadLettered,
        Reason = DispositionReason.Exhausted,
        Category = ErrorCategory.Transient,
        Strategy = RecoveryStrategy.DeadLetter,
        Severity = ErrorSeverity.Medium,
        FirstFailedAt = DateTimeOffset.UnixEpoch,
        LastFailedAt = DateTimeOffset.UnixEpoch,
        Host = "host",
        Process = "fill/1",
        Stack = new string('s', 800),
    };
}
