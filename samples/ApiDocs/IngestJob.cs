using ApiDocs.Enrichment;
using ApiDocs.Loading;
using ApiDocs.Reading;
using ApiDocs.Reporting;
using ApiDocs.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using PipelineOps;
using Spectre.Console;

namespace ApiDocs;

/// <summary>One ingest from beginning to end.</summary>
public static class IngestJob
{
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IngestOptions options, IAnsiConsole console, TextWriter error, CancellationToken cancellationToken)
    {
        Tables.Widen(console);
        using RecordTrail? trail = options.Trace is { } key ? new RecordTrail(key) : null;
        (int exitCode, RecordAccounting records) = await IngestAsync(options, console, error, cancellationToken);
        if (trail is not null && !await TraceReport.TryWriteAsync(trail, console) && exitCode == ExitCode.Done)
        {
            await error.WriteLineAsync(TraceReport.NotFound(trail));
            exitCode = ExitCode.NothingRead;
        }

        // Not through the console, which would break a long line in two.
        await console.Profile.Out.Writer.WriteLineAsync(IngestReport.Summary(records));
        return records.Lost == 0 ? exitCode : ExitCode.Failed;
    }

    private static async Task<(int ExitCode, RecordAccounting Records)> IngestAsync(
        IngestOptions options, IAnsiConsole console, TextWriter error, CancellationToken cancellationToken)
    {
        IReadOnlyList<DocumentationFile> files;
        try
        {
            files = options.Input is null ? DocumentationFile.FindInSdk() : DocumentationFile.Find(options.Input);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"cannot read {options.Input ?? "the SDK's packs"}: {problem.Message}");
            return (ExitCode.NothingRead, default);
        }

        if (files.Count == 0)
        {
            await error.WriteLineAsync(options.Input is null
                ? "no SDK with reference documentation found: name a folder with XML documentation files"
                : $"no XML documentation file in {options.Input}");
            return (ExitCode.NothingRead, default);
        }

        await using FlakyCatalogService catalog = await FlakyCatalogService.StartAsync(options.OutageAfterRequests);
        using OtlpExport? export = options.Otlp is { } endpoint ? new OtlpExport(endpoint) : null;
        IServiceCollection registrations = new ServiceCollection().AddIngest(options.Output, catalog.Address, options.FailureStore, IndexFile.Create);
        if (export is not null)
            registrations.AddSingleton(export.Loggers);
        await using ServiceProvider services = registrations.BuildServiceProvider();
        IFailureStore failures;
        IngestFlow flow;
        try
        {
            // First of all, because its lock keeps a second ingest from the index.
            failures = services.GetRequiredService<IFailureStore>();
            flow = services.GetRequiredService<IngestFlow>();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"cannot write to {options.Output}: {problem.Message}");
            return (ExitCode.Failed, default);
        }

        var statistics = services.GetRequiredService<IngestStatistics>();
        await LiveProgress.ShowAsync(console, flow.RunAsync(files, cancellationToken), flow, statistics, files.Count);

        foreach (string problem in flow.Unreadable)
            await error.WriteLineAsync(problem);
        if (flow.Problem is not null)
            await error.WriteLineAsync(flow.Problem);
        await IngestReport.WriteAsync(console, flow.Accounting, statistics, failures, options.Output);

        // While the stages are still there, whose state the last metrics tell.
        if (export is not null && await export.FlushAsync() is { } unsent)
            await error.WriteLineAsync(unsent);

        return (
            flow.Problem is not null ? ExitCode.Failed
                : cancellationToken.IsCancellationRequested ? ExitCode.Stopped
                : flow.Accounting.Read == flow.Unreadable.Count ? ExitCode.NothingRead
                : ExitCode.Done,
            flow.Accounting);
    }
}
