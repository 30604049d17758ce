using System.Globalization;
using PipelineOps;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>What a run did, told when it is over.</summary>
internal static class IngestReport
{
    private const int MaxGroups = 10;
    private const int MaxMessage = 60;

    public static async Task WriteAsync(
        IAnsiConsole console, RecordAccounting records, IngestStatistics statistics, IFailureStore failures, string output)
    {
        console.Write(Stages(statistics));
        console.Write(Dispositions(records, output));
        IReadOnlyList<FailureGroup> groups = await failures.GroupAsync(FailureFilter.All);
        if (groups.Count > 0)
            console.Write(FailureReport.Groups([.. groups.Take(MaxGroups)], MaxMessage));

        TextWriter plain = console.Profile.Out.Writer;
        if (statistics[IngestPipeline.Enrich].Transitions is { Count: > 0 } transitions)
            await plain.WriteLineAsync($"catalog circuit: {transitions[0].From} -> {string.Join(" -> ", transitions.Select(static transition => transition.To))}");
        await plain.WriteLineAsync($"{records}: {(records.Lost == 0 ? "holds" : "DOES NOT HOLD")}");
    }

    /// <summary>The last line of output.</summary>
    public static string Summary(RecordAccounting records) => string.Create(
        CultureInfo.InvariantCulture,
        $"accounted read={records.Read} succeeded={records.Succeeded} quarantined={records.Quarantined} deadlettered={records.DeadLettered} lost={records.Lost}");

    private static Table Stages(IngestStatistics statistics)
    {
        Table table = Tables.New(
            "=Stage", ">Calls", ">Attempts", ">Retries", ">p50 ms", ">p95 ms", ">Succeeded", ">Quarantined", ">Dead-lettered", ">Given back", ">Circuit changes");
        foreach (StageStatistics stage in statistics.Stages)
        {
            RecordAccounting records = stage.Stage.Accounting;
            table.AddRow(
                stage.Stage.Name,
                Tables.Number(stage.Calls),
                Tables.Number(stage.Calls + stage.Retries),
                Tables.Number(stage.Retries),
                Tables.Milliseconds(stage.Quantile(0.50)),
                Tables.Milliseconds(stage.Quantile(0.95)),
                Tables.Number(records.Succeeded),
                Tables.Number(records.Quarantined),
                Tables.Number(records.DeadLettered),
                Tables.Number(records.Returned),
                Tables.Number(stage.Transitions.Count));
        }

        return table;
    }

    private static Table Dispositions(RecordAccounting records, string output)
    {
        Table table = Tables.New("Disposition", ">Records", "Kept in");
        foreach (Disposition disposition in Enum.GetValues<Disposition>().Where(static disposition => disposition != Disposition.Returned))
        {
            string keptIn = disposition switch
            {
                Disposition.Succeeded => OutputFolder.Index(output),
                Disposition.Filtered => string.Empty,
                _ => OutputFolder.Failures(output),
            };
            table.AddRow(disposition.ToString(), Tables.Number(records[disposition]), Markup.Escape(keptIn));
        }

        return table.AddRow("InFlight", Tables.Number(records.InFlight), string.Empty);
    }
}
