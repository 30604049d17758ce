using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ApiDocs.Enrichment;
using ApiDocs.Loading;
using ApiDocs.Reporting;
using Microsoft.Extensions.DependencyInjection;
using PipelineOps;
using Spectre.Console;

namespace ApiDocs;

/// <summary>Shows the failures that ingests have kept, feeds them back, or gives them up.</summary>
public static class FailuresCommand
{
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(FailuresOptions options, IAnsiConsole console, TextWriter error, CancellationToken cancellationToken)
    {
        Tables.Widen(console);
        string folder = OutputFolder.Failures(options.Output);
        if (!Directory.Exists(folder))
        {
            await error.WriteLineAsync($"no failures in {folder}: name the folder of an ingest with --out");
            return ExitCode.NothingRead;
        }

        try
        {
            if (options is { Command: "redrive", DryRun: false })
                return await RedriveAsync(options, console, error, cancellationToken);

            // Read only wherever that is enough, so that it works beside an ingest.
            bool changes = options is { Command: "discard", DryRun: false };
            using var store = FileFailureStore.Open(folder, new FileFailureStoreOptions { ReadOnly = !changes });
            return options.Command switch
            {
                "show" => await ShowAsync(store, options, console, error, cancellationToken),
                "groups" => await GroupAsync(store, options, console, cancellationToken),
                "list" => await ListAsync(store, options, console, cancellationToken),
                "redrive" => await PlanAsync(store, options, console, cancellationToken),
                _ => await DiscardAsync(store, options, console, cancellationToken),
            };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Stopped;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or JsonException)
        {
            await error.WriteLineAsync($"cannot {options.Command} the failures in {folder}: {problem.Message}");
            return ExitCode.Failed;
        }
    }

    private static async Task<int> ShowAsync(
        FileFailureStore store, FailuresOptions options, IAnsiConsole console, TextWriter error, CancellationToken cancellationToken)
    {
        if (await store.ReadAsync(options.Filter, cancellationToken).FirstOrDefaultAsync(cancellationToken) is not { } failure)
        {
            await error.WriteLineAsync($"no failure {options.Filter.Id} in {store.Folder}");
            return ExitCode.NothingRead;
        }

        await console.Profile.Out.Writer.WriteAsync(FailureReport.Details(failure));
        return ExitCode.Done;
    }

    private static async Task<int> GroupAsync(FileFailureStore store, FailuresOptions options, IAnsiConsole console, CancellationToken cancellationToken)
    {
        IReadOnlyList<FailureGroup> groups = await store.GroupAsync(options.Filter, cancellationToken);
        console.Write(FailureReport.Groups([.. groups.Take(options.Limit ?? int.MaxValue)]));
        await console.Profile.Out.Writer.WriteLineAsync($"{Tables.Number(groups.Sum(static group => group.Count))} failures in {groups.Count} groups");
        return ExitCode.Done;
    }

    private static async Task<int> ListAsync(FileFailureStore store, FailuresOptions options, IAnsiConsole console, CancellationToken cancellationToken)
    {
        // Not through the console, which would break long lines in two.
        await foreach (StoredFailure failure in store.ReadAsync(options.Filter, cancellationToken).Take(options.Limit ?? int.MaxValue))
            await console.Profile.Out.Writer.WriteLineAsync(FailureReport.Line(failure));
        return ExitCode.Done;
    }

    private static async Task<int> DiscardAsync(FileFailureStore store, FailuresOptions options, IAnsiConsole console, CancellationToken cancellationToken)
    {
        int count = options.DryRun
            ? await store.ReadAsync(options.Filter with { Status = FailureStatus.Open }, cancellationToken).CountAsync(cancellationToken)
            : await new FailureRedrive(store).DiscardAsync(options.Filter, options.Actor, options.Reason!, cancellationToken);
        string done = options.DryRun ? "would discard" : "discarded";
        await console.Profile.Out.Writer.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{done} {count}"));
        return ExitCode.Done;
    }

    private static async Task<int> PlanAsync(FileFailureStore store, FailuresOptions options, IAnsiConsole console, CancellationToken cancellationToken)
    {
        RedriveSummary plan =
            await new FailureRedrive(store).RunAsync(options.ToRedrive(), static (_, _) => throw new UnreachableException(), cancellationToken);
        await console.Profile.Out.Writer.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"would redrive {plan.Sent}"));
        return ExitCode.Done;
    }

    private static async Task<int> RedriveAsync(FailuresOptions options, IAnsiConsole console, TextWriter error, CancellationToken cancellationToken)
    {
        await using FlakyCatalogService catalog = await FlakyCatalogService.StartAsync(outageAfterRequests: int.MaxValue, isRepaired: true);
        await using ServiceProvider services = new ServiceCollection()
            .AddIngest(options.Output, catalog.Address, new FileFailureStoreOptions(), IndexFile.Open)
            .BuildServiceProvider();

        // First of all, because its lock keeps an ingest from the index.
        services.GetRequiredService<IFailureStore>();
        IReadOnlyList<(string Stage, RedriveSummary Summary)> summaries =
            await services.GetRequiredService<IngestRedrive>().RunAsync(options.ToRedrive(), cancellationToken);

        console.Write(RedriveReport.Table(summaries));
        RecordAccounting records = services.GetRequiredService<IngestStages>().Account(0);
        await console.Profile.Out.Writer.WriteLineAsync(RedriveReport.Summary(summaries, records));
        foreach (RedriveError failed in summaries.SelectMany(static redrive => redrive.Summary.Errors).DistinctBy(static failed => failed.Exception.Message))
            await error.WriteLineAsync($"failure {failed.Id} stays open: {failed.Exception.Message}");
        return summaries.Any(static redrive => redrive.Summary.Failed > 0) ? ExitCode.Failed : ExitCode.Done;
    }
}
