using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;

namespace PipelineOps.Tests.Snippets;

/// <summary>The code of the page on records, run.</summary>
public sealed class RecordSnippets : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_channel_is_consumed_and_what_failed_is_redriven()
    {
        CancellationToken ct = Ct;
        string folder = _folder;
        var services = new ServiceCollection();

        // snippet: records-register
        services.AddPipelineOps()
            .AddFileFailureStore(folder)
            .AddPipeline("orders", orders => orders.AddStage("load", stage =>
            {
                stage.Recovery.Describe<Order>(order => new RecordDescription { Key = order.Id, Position = $"{order.Queue}@{order.Offset}" });
                stage.Recovery.SkipLimits.MaxRatioPerRun = 0.5;
            }));
        // end snippet

        await using ServiceProvider provider = services.BuildServiceProvider();
        PipelineStage stage = provider.GetRequiredKeyedService<PipelineStage>("orders/load");
        var db = new Database { Refused = { "b" } };
        var queue = new Queue();
        var channel = Channel.CreateUnbounded<Order>();
        foreach (string name in new[] { "a", "b", "c" })
            channel.Writer.TryWrite(new Order(name));
        channel.Writer.Complete();

        // snippet: consume
        RunSummary summary = await stage.ProcessAllAsync(
            channel.Reader,
            (order, ct) => db.InsertAsync(order, ct),
            new RecordRunOptions<Order>
            {
                MaxParallelism = 8,
                Ordered = true,
                Acknowledge = (order, _) => queue.AcknowledgeAsync(order.Offset),
            },
            ct);
        // end snippet

        Assert.Equal((RunOutcome.Completed, 2L, 1L), (summary.Outcome, summary.Accounting.Succeeded, summary.Accounting.Quarantined));
        Assert.Equal(3, queue.Acknowledged);
        db.Refused.Clear();

        // snippet: redrive
        RedriveSummary redriven = await stage.RedriveAsync<Order>(
            (order, ct) => db.InsertAsync(order, ct),
            new RedriveOptions { Filter = new FailureFilter { Disposition = Disposition.Quarantined }, MaxPerSecond = 50 },
            ct);
        // end snippet

        Assert.Equal((1, 1), (redriven.Sent, redriven.Redriven));
        Assert.Equal(3, db.Rows.Count);

        IFailureStore store = provider.GetRequiredService<IFailureStore>();

        // snippet: groups
        foreach (FailureGroup group in await store.GroupAsync(new FailureFilter { Pipeline = "orders" }, ct))
            Console.WriteLine($"{group.Fingerprint} {group.Count} x {group.ErrorType}, last {group.LastSeen:u}, {group.Trend}: {group.Message}");
        // end snippet

        Guid id = Assert.Single(await Ids(store));

        // snippet: show
        await using FileFailureStore beside = FileFailureStore.Open(folder, new FileFailureStoreOptions { ReadOnly = true });
        await foreach (StoredFailure failure in beside.ReadAsync(new FailureFilter { Id = id }, ct))
        {
            Console.WriteLine(Encoding.UTF8.GetString(FailureJson.Serialize(failure.Record)));
            Console.WriteLine(Encoding.UTF8.GetString(FailureCloudEvent.Serialize(failure.Record)));
        }
        // end snippet

        Assert.Equal([id], await Ids(beside));
    }

    [Fact]
    public async Task A_single_record_says_what_to_do_next()
    {
        using PipelineStage stage = Stage();
        var db = new Database { Refused = { "a" } };
        var order = new Order("a");
        CancellationToken ct = Ct;
        bool settled = false;

        // snippet: process
        RecordResult result = await stage.ProcessAsync(order, static (order, db, ct) => db.InsertAsync(order, ct), db, ct);
        if (result.IsSettled)
            settled = true; // succeeded, or kept in the failure store: acknowledge it
        else
            Console.WriteLine($"still the source's: {result.Next.Kind}, because {result.Error?.Message}");
        // end snippet

        Assert.True(settled);
    }

    [Fact]
    public async Task A_batch_is_searched_for_its_bad_records()
    {
        using PipelineStage stage = Stage();
        var db = new Database { Refused = { "7" } };
        Order[] orders = [.. Enumerable.Range(0, 100).Select(i => new Order($"{i}"))];
        CancellationToken ct = Ct;

        // snippet: batch
        BatchResult result = await stage.ProcessBatchAsync(
            orders,
            (part, ct) => db.InsertInOneTransactionAsync(part, ct), // throws when one of them is bad
            BatchEffect.Atomic,
            ct);
        Console.WriteLine($"{result.CountOf(Disposition.Succeeded)} inserted, {result.CountOf(Disposition.Quarantined)} quarantined, {result.Calls} calls");
        // end snippet

        Assert.Equal((99, 1), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.Quarantined)));
    }

    [Fact]
    public async Task A_bulk_interface_reports_on_each_record()
    {
        using PipelineStage stage = Stage();
        var db = new Database { Refused = { "7" } };
        Order[] orders = [.. Enumerable.Range(0, 10).Select(i => new Order($"{i}"))];
        CancellationToken ct = Ct;

        // snippet: report
        BatchResult result = await stage.ProcessBatchAsync(
            orders,
            async (part, report, ct) =>
            {
                foreach ((int index, Exception? error) in await db.InsertInBulkAsync(part, ct))
                {
                    if (error is null)
                        report.Succeeded(index);
                    else
                        report.Failed(index, error);
                }
            },
            cancellationToken: ct);
        // end snippet

        Assert.Equal((9, 1), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.Quarantined)));
    }

    [Fact]
    public async Task A_person_decides_on_a_parked_record()
    {
        var options = new StageOptions
        {
            ErrorClassifier = ErrorClassifier.Create(static rules => rules.Map<InvalidDataException>(ErrorCategory.BusinessRule)),
            Recovery = { FailureFolder = _folder },
        };
        using PipelineStage stage = PipelineStage.Create("orders", "load", options);
        var db = new Database { Refused = { "a" } };
        await stage.ProcessAsync(new Order("a"), db.InsertAsync, Ct);
        CancellationToken ct = Ct;

        // snippet: tickets
        var tickets = new ManualIntervention(stage.FailureStore);
        await foreach (StoredFailure ticket in tickets.ReadOpenAsync(cancellationToken: ct))
            await tickets.ApproveAsync(ticket.Record.Id, actor: "ada", reason: "the customer's limit was raised", ct);

        await tickets.ResumeAsync((ticket, ct) => db.InsertAnywayAsync(ticket.Record.RecordKey, ct), cancellationToken: ct);
        // end snippet

        Assert.Single(db.Rows);
    }

    [Fact]
    public async Task A_record_whose_schema_grew_goes_on()
    {
        var options = new StageOptions { Recovery = { FailureFolder = _folder } };

        // snippet: schema
        options.ErrorClassifier = ErrorClassifier.Create(rules => rules.Map<UnknownFieldException>(ErrorCategory.Schema));
        options.Recovery.Use(RecoveryStrategy.EvolveSchema, new SchemaEvolution<byte[]>(
            expected: new RecordSchema([new SchemaField("id", "string"), new SchemaField("note", "string", IsRequired: false)]),
            readSchema: json => RecordSchema.OfJson(json))
        {
            Adapt = (json, difference) => difference.Added.Aggregate(json, (rest, field) => Json.Without(rest, field.Name)),
        });
        // end snippet

        using PipelineStage stage = PipelineStage.Create("orders", "parse", options);
        RecordResult result = await stage.ProcessAsync(
            """{"id":"a","color":"red"}"""u8.ToArray(),
            static (json, _) => json.AsSpan().IndexOf("color"u8) >= 0 ? throw new UnknownFieldException() : default,
            Ct);

        Assert.Equal((Disposition.Succeeded, 2), (result.Disposition, result.Attempts));
    }

    private static async Task<List<Guid>> Ids(IFailureStore store)
    {
        List<Guid> ids = [];
        await foreach (StoredFailure failure in store.ReadAsync(FailureFilter.All, Ct))
            ids.Add(failure.Record.Id);
        return ids;
    }

    private PipelineStage Stage() => PipelineStage.Create("orders", "load", new StageOptions { Recovery = { FailureFolder = _folder } });

    public sealed record Order(string Id, string Queue = "q1", long Offset = 0);

    private sealed class UnknownFieldException : Exception;

    private sealed class Queue
    {
        private int _acknowledged;

        public int Acknowledged => _acknowledged;

        public ValueTask AcknowledgeAsync(long offset)
        {
            Interlocked.Add(ref _acknowledged, offset >= 0 ? 1 : 0);
            return default;
        }
    }

    private sealed class Database
    {
        public HashSet<string> Refused { get; } = [];

        public System.Collections.Concurrent.ConcurrentBag<string> Rows { get; } = [];

        public ValueTask InsertAsync(Order order, CancellationToken ct)
        {
            ct.ThrowIfCancellationRequested();
            if (Refused.Contains(order.Id))
                throw new InvalidDataException($"{order.Id} is refused.");

            Rows.Add(order.Id);
            return default;
        }

        public ValueTask InsertAnywayAsync(string? key, CancellationToken ct)
        {
            ct.ThrowIfCancellationRequested();
            Rows.Add(key ?? "?");
            return default;
        }

        public ValueTask InsertInOneTransactionAsync(IReadOnlyList<Order> orders, CancellationToken ct)
        {
            ct.ThrowIfCancellationRequested();
            return orders.Any(order => Refused.Contains(order.Id)) ? throw new InvalidDataException("One of them is refused.") : default;
        }

        public ValueTask<(int Index, Exception? Error)[]> InsertInBulkAsync(IReadOnlyList<Order> orders, CancellationToken ct)
        {
            ct.ThrowIfCancellationRequested();
            return new([.. orders.Select((order, i) => (i, Refused.Contains(order.Id) ? new InvalidDataException($"{order.Id} is refused.") : (Exception?)null))]);
        }
    }

    private static class Json
    {
        public static byte[] Without(byte[] json, string field)
        {
            System.Text.Json.Nodes.JsonObject record = System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject();
            record.Remove(field);
            return System.Text.Encoding.UTF8.GetBytes(record.ToJsonString());
        }
    }
}
