using System.Globalization;
using PipelineOps;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>What a redrive did.</summary>
internal static class RedriveReport
{
    public static Table Table(IReadOnlyList<(string Stage, RedriveSummary Summary)> redrives)
    {
        Table table = Tables.New("Stage", ">Sent", ">Redriven", ">Failed again", ">Failed", ">Claims lost", ">Too often redriven");
        foreach ((string stage, RedriveSummary summary) in redrives)
        {
            table.AddRow(
                stage,
                Tables.Number(summary.Sent),
                Tables.Number(summary.Redriven),
                Tables.Number(summary.FailedAgain),
                Tables.Number(summary.Failed),
                Tables.Number(summary.ClaimsLost),
                Tables.Number(summary.Capped));
        }

        return table;
    }

    /// <summary>The last line of output.</summary>
    public static string Summary(IReadOnlyList<(string Stage, RedriveSummary Summary)> redrives, RecordAccounting records) => string.Create(
        CultureInfo.InvariantCulture,
        $"redriven sent={redrives.Sum(static redrive => redrive.Summary.Sent)} succeeded={records.Succeeded} quarantined={records.Quarantined} deadlettered={records.DeadLettered} failed={redrives.Sum(static redrive => redrive.Summary.Failed)}");
}
