// Providers listen to the whole process: two tests at once would see each other's spans and series.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: PipelineOps.OpenTelemetry.Tests.EndsMeters]
