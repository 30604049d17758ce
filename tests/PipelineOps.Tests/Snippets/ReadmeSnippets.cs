using System.Net;
using Microsoft.Extensions.DependencyInjection;

namespace PipelineOps.Tests.Snippets;

/// <summary>The code of the README, run.</summary>
public sealed class ReadmeSnippets
{
    [Fact]
    public async Task The_first_example_registers_a_pipeline_and_runs_a_stage()
    {
        var services = new ServiceCollection();
        services.AddSingleton<OrderDb>().AddSingleton<OrderLoader>();

        // snippet: register
        services.AddPipelineOps()
            .AddPipeline("orders", orders => orders
                .AddStage("extract", stage => stage.Retry.MaxRetries = 5)
                .AddStage("load", stage =>
                {
                    stage.Retry.Backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(200), maxDelay: TimeSpan.FromSeconds(10));
                    stage.CircuitBreaker.FailureRatio = 0.5;
                    stage.AttemptTimeout = TimeSpan.FromSeconds(2);
                    stage.TotalTimeout = TimeSpan.FromSeconds(30);
                }));
        // end snippet

        await using ServiceProvider provider = services.BuildServiceProvider();
        OrderLoader loader = provider.GetRequiredService<OrderLoader>();

        Assert.Equal(1, await loader.LoadAsync(new Order("a"), TestContext.Current.CancellationToken));
        Assert.Same(
            provider.GetRequiredService<PipelineRegistry>().GetStage("orders", "load"),
            provider.GetRequiredKeyedService<PipelineStage>("orders/load"));
    }

    [Fact]
    public async Task A_result_tells_how_the_call_ended()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load", new StageOptions { Retry = { MaxRetries = 0 } });
        var db = new OrderDb { Failure = new FormatException("not a number") };
        var order = new Order("a");
        List<string> quarantine = [];
        CancellationToken ct = TestContext.Current.CancellationToken;

        // snippet: result
        StageResult<int> result = await stage.TryExecuteAsync(static (s, ct) => s.db.InsertAsync(s.order, ct), (db, order), ct);
        if (!result.IsSuccess && result.Classification.Strategy == RecoveryStrategy.Quarantine)
            quarantine.Add($"{order.Id}: {result.Error?.Message} after {result.Attempts} attempts in {result.Duration}");
        // end snippet

        Assert.StartsWith("a: not a number after 1 attempts", Assert.Single(quarantine), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fallback_answers_for_a_dependency_that_is_away()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "enrich", new StageOptions { Retry = { MaxRetries = 0 } });
        var db = new OrderDb { Failure = new TimeoutException() };
        var order = new Order("a");
        CancellationToken ct = TestContext.Current.CancellationToken;

        // snippet: fallback
        int rows = await stage.ExecuteAsync(
            static (s, ct) => s.db.InsertAsync(s.order, ct),
            (db, order),
            fallback: static (s, failed, ct) => s.db.InsertLaterAsync(s.order, failed.Classification.Category, ct),
            ct);
        // end snippet

        Assert.Equal(0, rows);
    }

    [Fact]
    public async Task Errors_and_results_are_classified_by_own_rules()
    {
        // snippet: classify
        var options = new StageOptions
        {
            ErrorClassifier = ErrorClassifier.Create(rules => rules
                .Map<CreditLimitException>(ErrorCategory.BusinessRule)
                .Map<PartnerException>(error => error.IsBusy, ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(3) })),
        };
        options.AddResultRule<HttpResponseMessage>(response => HttpResponseClassification.Classify(response));
        // end snippet

        options.Retry.MaxRetries = 1;
        options.Retry.Backoff = Backoff.None;
        using PipelineStage stage = PipelineStage.Create("orders", "send", options);

        StageResult<int> limit = await stage.TryExecuteAsync<int>(static _ => throw new CreditLimitException(), TestContext.Current.CancellationToken);
        StageResult<HttpResponseMessage> response = await stage.TryExecuteAsync(
            static _ => new ValueTask<HttpResponseMessage>(new HttpResponseMessage(HttpStatusCode.ServiceUnavailable)),
            TestContext.Current.CancellationToken);

        ErrorClassification busy = options.ErrorClassifier.Classify(new PartnerException(isBusy: true), TestContext.Current.CancellationToken);

        Assert.Equal(TimeSpan.FromSeconds(3), busy.RetryAfter);
        Assert.Equal((RecoveryStrategy.ManualIntervention, 1), (limit.Classification.Strategy, limit.Attempts));
        Assert.Equal((false, 2, HttpStatusCode.ServiceUnavailable), (response.IsSuccess, response.Attempts, response.Value!.StatusCode));
    }

    [Fact]
    public async Task A_consumer_pauses_while_the_circuit_is_open()
    {
        using PipelineStage stage = PipelineStage.Create("orders", "load");
        var db = new OrderDb();
        var queue = new Queue<Order>([new("a"), new("b")]);
        CancellationToken ct = TestContext.Current.CancellationToken;

        // snippet: pause
        while (queue.Count > 0)
        {
            await stage.Circuit!.WaitUntilReadyAsync(ct);
            await stage.ExecuteAsync(static (s, ct) => s.db.InsertAsync(s.order, ct), (db, order: queue.Dequeue()), ct);
        }
        // end snippet

        Assert.Equal(2, db.Inserted);
    }

    [Fact]
    public async Task Parts_are_usable_alone()
    {
        var dependency = new OrderDb();
        CancellationToken ct = TestContext.Current.CancellationToken;

        // snippet: alone
        var circuit = new CircuitBreaker(new CircuitBreakerOptions { ConsecutiveFailures = 5, BreakGrowth = 2 });
        if (circuit.TryAcquire(out CircuitPermit permit))
        {
            try
            {
                await dependency.InsertAsync(new Order("a"), ct);
                permit.Success();
            }
            catch (Exception error) when (ErrorClassifier.Default.Classify(error, ct).Circuit == CircuitEffect.Failure)
            {
                permit.Failure();
                throw;
            }
            catch
            {
                permit.Neutral();
                throw;
            }
        }
        // end snippet

        Assert.Equal(1, dependency.Inserted);
    }

    public sealed record Order(string Id);

    public sealed class OrderDb
    {
        public Exception? Failure { get; init; }

        public int Inserted { get; private set; }

        public ValueTask<int> InsertAsync(Order order, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Failure is not null)
                throw Failure;

            Inserted++;
            return new ValueTask<int>(1);
        }

        public ValueTask<int> InsertLaterAsync(Order order, ErrorCategory reason, CancellationToken cancellationToken) =>
            new(Failure is null ? 1 : 0);
    }

    // snippet: use
    public sealed class OrderLoader(PipelineRegistry pipelines, OrderDb db)
    {
        private readonly PipelineStage _load = pipelines.GetStage("orders", "load");

        // Throws what the delegate threw, unwrapped, when retries are spent.
        public ValueTask<int> LoadAsync(Order order, CancellationToken ct) =>
            _load.ExecuteAsync(static (s, ct) => s.db.InsertAsync(s.order, ct), (db, order), ct);
    }

    // end snippet
    private sealed class CreditLimitException : Exception;

    private sealed class PartnerException(bool isBusy) : Exception
    {
        public bool IsBusy { get; } = isBusy;
    }
}
