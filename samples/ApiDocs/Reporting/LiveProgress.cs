using System.Globalization;
using PipelineOps;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>Shows a run while it goes on: a table on a terminal, a line every second elsewhere.</summary>
internal static class LiveProgress
{
    public static async Task ShowAsync(IAnsiConsole console, Task run, IngestFlow flow, IngestStatistics statistics, int files)
    {
        if (console.Profile.Out.IsTerminal && console.Profile.Capabilities.Ansi)
        {
            await console.Live(Text.Empty).AutoClear(true).StartAsync(async live =>
            {
                do
                    live.UpdateTarget(new Rows(Table(statistics), new Text(Line(flow.Accounting, statistics, files))));
                while (await IsRunningAfterAsync(run, TimeSpan.FromMilliseconds(150)));
            });
        }
        else
        {
            while (await IsRunningAfterAsync(run, TimeSpan.FromSeconds(1)))
                await console.Profile.Out.Writer.WriteLineAsync(Line(flow.Accounting, statistics, files));
        }

        await run;
    }

    private static async Task<bool> IsRunningAfterAsync(Task run, TimeSpan delay) => await Task.WhenAny(run, Task.Delay(delay)) != run;

    private static Table Table(IngestStatistics statistics)
    {
        Table table = Tables.New("Stage", ">Calls", ">Retries", "Circuit");
        foreach (StageStatistics stage in statistics.Stages)
            table.AddRow(stage.Stage.Name, Tables.Number(stage.Calls), Tables.Number(stage.Retries), stage.Stage.Circuit?.State.ToString() ?? string.Empty);
        return table;
    }

    private static string Line(RecordAccounting records, IngestStatistics statistics, int files) => string.Create(
        CultureInfo.InvariantCulture,
        $"{statistics[IngestPipeline.Read].Calls} of {files} files, {records.Read:N0} members read, {records.Succeeded:N0} indexed, {records.Quarantined:N0} quarantined, {records.DeadLettered:N0} dead-lettered, catalog circuit {statistics[IngestPipeline.Enrich].Stage.Circuit?.State}");
}
