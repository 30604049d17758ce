using System.Globalization;
using ApiDocs.Loading;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>What a run did, told when it is over.</summary>
internal static class RunReport
{
    public static void Write(IAnsiConsole console, IngestStages stages, IngestFlow flow, Ledger ledger, OutcomeFiles output)
    {
        console.Write(Stages(stages));
        console.Write(Dispositions(ledger, flow, output));

        TextWriter plain = console.Profile.Out.Writer;
        if (stages.Enrich.Totals().Transitions is { Count: > 0 } transitions)
            plain.WriteLine($"catalog circuit: {transitions[0].From} -> {string.Join(" -> ", transitions.Select(static transition => transition.To))}");
        plain.WriteLine($"{ledger.Identity}: {(ledger.Lost == 0 ? "holds" : "DOES NOT HOLD")}");
    }

    private static Table Stages(IngestStages stages)
    {
        Table table = Columns("Stage", "Calls", "Attempts", "Retries", "p50 ms", "p95 ms", "Circuit changes");
        foreach (StageStatistics stage in stages.All)
        {
            StageTotals totals = stage.Totals();
            table.AddRow(
                stage.Stage.Name,
                Number(totals.Calls),
                Number(totals.Attempts),
                Number(totals.Retries),
                Milliseconds(totals.P50),
                Milliseconds(totals.P95),
                Number(totals.Transitions.Count));
        }

        return table;
    }

    private static Table Dispositions(Ledger ledger, IngestFlow flow, OutcomeFiles output)
    {
        Table table = Columns("Disposition", "Records", "Kept in");
        foreach (Disposition disposition in Enum.GetValues<Disposition>())
        {
            table.AddRow(disposition.ToString(), Number(ledger[disposition]), Markup.Escape(output[disposition]?.Path ?? string.Empty));
            foreach (((Disposition _, string reason), int count) in flow.Reasons.Where(r => r.Key.Disposition == disposition).OrderByDescending(static r => r.Value))
                table.AddRow($"  {reason}", Number(count), string.Empty);
        }

        return table;
    }

    private static Table Columns(string first, params ReadOnlySpan<string> others)
    {
        Table table = new Table().RoundedBorder().AddColumn(first);
        foreach (string other in others)
            table.AddColumn(new TableColumn(other).RightAligned());
        return table;
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Milliseconds(TimeSpan value) => value.TotalMilliseconds.ToString("0.000", CultureInfo.InvariantCulture);
}
