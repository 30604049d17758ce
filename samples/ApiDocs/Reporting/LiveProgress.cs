using System.Globalization;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>Shows a run while it goes on: a table on a terminal, a line every second elsewhere.</summary>
internal static class LiveProgress
{
    public static async Task ShowAsync(IAnsiConsole console, Task run, IngestStages stages, Ledger ledger, int files)
    {
        if (console.Profile.Out.IsTerminal && console.Profile.Capabilities.Ansi)
        {
            await console.Live(Text.Empty).AutoClear(true).StartAsync(async live =>
            {
                do
                    live.UpdateTarget(new Rows(Table(stages), new Text(Line(stages, ledger, files))));
                while (await IsRunningAfterAsync(run, TimeSpan.FromMilliseconds(150)));
            });
        }
        else
        {
            while (await IsRunningAfterAsync(run, TimeSpan.FromSeconds(1)))
                await console.Profile.Out.Writer.WriteLineAsync(Line(stages, ledger, files));
        }

        await run;
    }

    private static async Task<bool> IsRunningAfterAsync(Task run, TimeSpan delay) => await Task.WhenAny(run, Task.Delay(delay)) != run;

    private static Table Table(IngestStages stages)
    {
        Table table = new Table().RoundedBorder().AddColumn("Stage").AddColumn(new TableColumn("Calls").RightAligned())
            .AddColumn(new TableColumn("Retries").RightAligned()).AddColumn("Circuit");
        foreach (StageStatistics stage in stages.All)
        {
            (int calls, long retries) = stage.Progress;
            table.AddRow(stage.Stage.Name, Number(calls), Number(retries), stage.Stage.Circuit?.State.ToString() ?? string.Empty);
        }

        return table;
    }

    private static string Line(IngestStages stages, Ledger ledger, int files) => string.Create(
        CultureInfo.InvariantCulture,
        $"{ledger.Files} of {files} files, {ledger.Read:N0} members read, {ledger[Disposition.Succeeded]:N0} indexed, {ledger[Disposition.Quarantined]:N0} quarantined, {ledger[Disposition.DeadLettered]:N0} dead-lettered, catalog circuit {stages.Enrich.Stage.Circuit?.State}");

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
