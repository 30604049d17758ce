using System.Globalization;
using Spectre.Console;

namespace ApiDocs.Reporting;

/// <summary>How tables and figures look.</summary>
internal static class Tables
{
    /// <param name="columns">The headings; after <c>></c> those of figures, and after <c>=</c> those of words that are not broken.</param>
    public static Table New(params ReadOnlySpan<string> columns)
    {
        Table table = new Table().RoundedBorder();
        foreach (string column in columns)
        {
            table.AddColumn(column switch
            {
                ['>', .. var figures] => new TableColumn(figures).RightAligned().NoWrap(),
                ['=', .. var words] => new TableColumn(words).NoWrap(),
                _ => new TableColumn(column),
            });
        }

        return table;
    }

    /// <summary>Lets lines be as long as they are where no terminal has an edge: a file or another program wants them whole.</summary>
    public static void Widen(IAnsiConsole console)
    {
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 10_000;
    }

    public static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Milliseconds(TimeSpan value) => value.TotalMilliseconds.ToString("0.000", CultureInfo.InvariantCulture);

    public static string Time(DateTimeOffset value) => value.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>The text without line breaks, so that it stays one line.</summary>
    public static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
