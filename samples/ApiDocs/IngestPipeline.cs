using ApiDocs.Enrichment;
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

    /// <summary>How many types are asked for at once.</summary>
    public const int EnrichConcurrency = 64;

    public static IServiceCollection AddIngestPipeline(this IServiceCollection services)
    {
        services.AddPipelineOps().AddPipeline(Name, static pipeline => pipeline
            .AddStage(Read, static stage =>
            {
                stage.Retry.Backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(50));

                // A file that cannot be read says nothing of the next one.
                stage.CircuitBreaker.Enabled = false;
            })
            .AddStage(Validate, static stage =>
            {
                stage.CircuitBreaker.Enabled = false;

                // A flaw is an answer, not an exception: at a flaw in every fifth record, throwing would cost more than the rest of the stage.
                stage.AddResultRule<Failure?>(static flaw => flaw is null ? null : ErrorClassification.DataQuality);
            })
            .AddStage(Enrich, static stage =>
            {
                stage.AttemptTimeout = TimeSpan.FromSeconds(1);
                stage.TotalTimeout = TimeSpan.FromMinutes(2);
                stage.Concurrency.MaxConcurrent = EnrichConcurrency;
                stage.Retry.MaxRetries = FlakyCatalogService.MaxPassingFaults + 3;
                stage.Retry.Backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(20), maxDelay: TimeSpan.FromMilliseconds(250));

                // As many failures in a row as calls at once: an outage opens the circuit within a moment, single broken types never do. Calls then wait
                // for the outage to end instead of failing by it.
                stage.CircuitBreaker.ConsecutiveFailures = EnrichConcurrency;
                stage.CircuitBreaker.BreakDuration = TimeSpan.FromMilliseconds(500);

                // Several probes, of which most must fail to open it again: the one that asks for a broken type says nothing of the rest.
                stage.CircuitBreaker.MaxProbes = 8;
                stage.CircuitBreaker.ProbeSampleSize = 8;
                stage.CircuitBreaker.ProbeFailureRatio = 0.75;
                stage.WaitWhileCircuitOpen = true;
                stage.AddResultRule<HttpResponseMessage>(static response => HttpResponseClassification.Classify(response));
            })
            .AddStage(Load, static stage =>
            {
                stage.Retry.Backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(50));

                // The first write that fails for good ends the run.
                stage.CircuitBreaker.Enabled = false;
            }));
        return services;
    }
}
