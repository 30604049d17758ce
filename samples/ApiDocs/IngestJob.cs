using ApiDocs.Enrichment;
using ApiDocs.Loading;
using ApiDocs.Reading;
using ApiDocs.Reporting;
using Microsoft.Extensions.DependencyInjection;
using Spectre.Console;

namespace ApiDocs;

/// <summary>One ingest from beginning to end.</summary>
public static class IngestJob
{
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IngestOptions options, IAnsiConsole console, TextWriter error, CancellationToken cancellationToken)
    {
        var ledger = new Ledger();
        int exitCode = await IngestAsync(options, ledger, console, error, cancellationToken);

        // Not through the console, which would break a long line in two.
        await console.Profile.Out.Writer.WriteLineAsync(ledger.Summary);
        return ledger.Lost == 0 ? exitCode : ExitCode.Failed;
    }

    private static async Task<int> IngestAsync(
        IngestOptions options, Ledger ledger, IAnsiConsole console, TextWriter error, CancellationToken cancellationToken)
    {
        IReadOnlyList<DocumentationFile> input;
        try
        {
            input = options.Input is null ? DocumentationFile.FindInSdk() : DocumentationFile.Find(options.Input);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"cannot read {options.Input ?? "the SDK's packs"}: {problem.Message}");
            return ExitCode.NothingRead;
        }

        if (input.Count == 0)
        {
            await error.WriteLineAsync(options.Input is null
                ? "no SDK with reference documentation found: name a folder with XML documentation files"
                : $"no XML documentation file in {options.Input}");
            return ExitCode.NothingRead;
        }

        OutcomeFiles output;
        try
        {
            output = new OutcomeFiles(options.Output);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"cannot write to {options.Output}: {problem.Message}");
            return ExitCode.Failed;
        }

        await using FlakyCatalogService catalog = await FlakyCatalogService.StartAsync(options.OutageAfterRequests);
        await using ServiceProvider services = new ServiceCollection()
            .AddIngestPipeline()
            .AddSingleton<IngestStages>()
            .AddSingleton(provider => new CatalogClient(catalog.Address, provider.GetRequiredService<IngestStages>().Enrich))
            .AddSingleton(_ => output)
            .AddSingleton(ledger)
            .AddSingleton<IngestFlow>()
            .BuildServiceProvider();
        var stages = services.GetRequiredService<IngestStages>();
        var flow = services.GetRequiredService<IngestFlow>();

        await LiveProgress.ShowAsync(console, flow.RunAsync(input, cancellationToken), stages, ledger, input.Count);

        foreach (string problem in flow.Problems)
            await error.WriteLineAsync(problem);
        RunReport.Write(console, stages, flow, ledger, output);

        return flow.LoadFailed ? ExitCode.Failed
            : cancellationToken.IsCancellationRequested ? ExitCode.Stopped
            : ledger.Read == flow.UnreadableFiles ? ExitCode.NothingRead
            : ExitCode.Done;
    }
}
