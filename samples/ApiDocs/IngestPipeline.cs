using ApiDocs.Enrichment;
using ApiDocs.Loading;
using ApiDocs.Reading;
using ApiDocs.Reporting;
using Microsoft.Extensions.DependencyInjection;
using PipelineOps;

namespace ApiDocs;

/// <summary>The pipeline's stages and their policies.</summary>
internal static class IngestPipeline
{
    public const string Name = "apidocs";
    public const string Read = "read";
    public const string Validate = "validate";
    public const string Enrich = "enrich";
    public const string Load = "load";

    // As many as a span is linked to, and can tell the failures of.
    public const int MaxBatch = 128;

    // How many types are asked for at once.
    private const int EnrichConcurrency = 64;

    public static IReadOnlyList<string> StageNames { get; } = [Read, Validate, Enrich, Load];

    /// <summary>Adds everything that a job needs.</summary>
    /// <param name="services">The service collection.</param>
    /// <param name="output">The folder of the index and of the failure store.</param>
    /// <param name="catalog">Where the catalog is.</param>
    /// <param name="store">How failures are kept.</param>
    /// <param name="openIndex">Opens the index at a path.</param>
    public static IServiceCollection AddIngest(
        this IServiceCollection services, string output, Uri catalog, FileFailureStoreOptions store, Func<string, IndexFile> openIndex)
    {
        services.AddMetrics().AddPipelineOps().AddFileFailureStore(OutputFolder.Failures(output), store).AddPipeline(Name, AddStages);
        return services
            .AddSingleton<IngestStages>()
            .AddSingleton<IngestStatistics>()
            .AddSingleton(_ => new CatalogClient(catalog))
            .AddSingleton(_ => openIndex(OutputFolder.Index(output)))
            .AddSingleton<IngestFlow>()
            .AddSingleton<IngestRedrive>();
    }

    private static void AddStages(PipelineBuilder pipeline) => pipeline
        .AddStage(Read, static stage =>
        {
            stage.Retry.Backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(50));

            // A file that cannot be read says nothing of the next one.
            stage.CircuitBreaker.Enabled = false;
            Recover(stage, static rules => rules.Category(
                ErrorClassification.Permanent with { Strategy = RecoveryStrategy.DeadLetter, ThenStrategy = RecoveryStrategy.DeadLetter }));
        })
        .AddStage(Validate, static stage =>
        {
            stage.CircuitBreaker.Enabled = false;
            Recover(stage);
        })
        .AddStage(Enrich, static stage =>
        {
            stage.AttemptTimeout = TimeSpan.FromSeconds(1);
            stage.TotalTimeout = TimeSpan.FromMinutes(2);
            stage.Concurrency.MaxConcurrent = EnrichConcurrency;
            stage.Concurrency.MaxQueued = int.MaxValue;
            stage.Retry.MaxRetries = FlakyCatalogService.MaxPassingFaults + 3;
            stage.Retry.Backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(20), maxDelay: TimeSpan.FromMilliseconds(250));

            // As many failures in a row as calls at once: an outage opens the circuit within a moment, broken types do not, unless they are all that is
            // left to ask for. Calls then wait for the circuit instead of failing by it.
            stage.CircuitBreaker.ConsecutiveFailures = EnrichConcurrency;
            stage.CircuitBreaker.BreakDuration = TimeSpan.FromMilliseconds(500);

            // Several probes, of which most must fail to open it again: the one that asks for a broken type says nothing of the rest.
            stage.CircuitBreaker.MaxProbes = 8;
            stage.CircuitBreaker.ProbeSampleSize = 8;
            stage.CircuitBreaker.ProbeFailureRatio = 0.75;
            stage.WaitWhileCircuitOpen = true;
            Recover(stage, static rules => rules.Map<CatalogException>(static exception => exception.Classification));
        })
        .AddStage(Load, static stage =>
        {
            stage.CircuitBreaker.Enabled = false;

            // Files that repeat another one make batches of nothing but taken names: that is their fault, however many there are, and not the index's.
            stage.Recovery.Batches.Witnesses = MaxBatch;
            Recover(stage, static rules => rules.Map<NameTakenException>(ErrorCategory.DataQuality));
        });

    // What all stages do about records that fail, and what they tell of them.
    private static void Recover(StageOptions stage, Action<ErrorClassifierBuilder>? rules = null)
    {
        stage.ErrorClassifier = ErrorClassifier.Create(all =>
        {
            rules?.Invoke(all);

            // Neutral for the circuit, as it is not the stage's own dependency that has failed.
            all.Map<CannotGoOnException>(ErrorClassification.Permanent with { Circuit = CircuitEffect.Neutral });
        });
        stage.Recovery
            .Describe<DocumentationFile>(static file => new() { Key = file.Name, Position = $"{file.Name}#{file.MembersRead}" })
            .Describe<MemberRecord>(static member => new() { Key = member.Id, Position = $"{member.File}#{member.Place}" })
            .Describe<IndexEntry>(static entry => new() { Key = entry.Id, Position = $"{entry.File}#{entry.Place}" });
        stage.Recovery.Payload.Serializer = new JsonPayloadSerializer(RecordJson.Default.Options);

        stage.Telemetry
            .DescribeOrigin<DocumentationFile>(static file => new() { Key = file.Name })
            .DescribeOrigin<MemberRecord>(static member => new() { Key = member.Id })
            .DescribeOrigin<IndexEntry>(static entry => new() { Key = entry.Id, TraceContext = entry.Producer });

        // Long enough for a hiccup. A disk that stays full ends the job: somebody is waiting for it.
        stage.Recovery.StoreTimeout = TimeSpan.FromSeconds(2);
    }
}
