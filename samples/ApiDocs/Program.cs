using System.Runtime.InteropServices;
using ApiDocs;
using Spectre.Console;

using var stop = new CancellationTokenSource();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

string? problem;
if (args is ["failures", .. string[] rest])
{
    return FailuresOptions.TryParse(rest, DateTimeOffset.UtcNow, out FailuresOptions failures, out problem)
        ? await FailuresCommand.RunAsync(failures, AnsiConsole.Console, Console.Error, stop.Token)
        : Usage(problem);
}

return IngestOptions.TryParse(args, out IngestOptions ingest, out problem)
    ? await IngestJob.RunAsync(ingest, AnsiConsole.Console, Console.Error, stop.Token)
    : Usage(problem);

void Stop(PosixSignalContext signal)
{
    // However often: a stop takes moments, and some tools send the signal twice.
    signal.Cancel = true;
    stop.Cancel();
}

static int Usage(string? problem)
{
    if (problem is not null)
        Console.Error.WriteLine(problem);
    Console.WriteLine("""
        Usage: ApiDocs [<folder with XML documentation files>] [--out <folder>] [--otlp <address>] [--trace <record key>]
               ApiDocs failures list|groups [--limit <n>] [which]
               ApiDocs failures show <id>
               ApiDocs failures redrive [<id>] [--dry-run] [--rate <per second>] [--max <n>] [--actor <name>] [which]
               ApiDocs failures discard [<id>] --reason <text> [--dry-run] [--actor <name>] [which]
        which: [--out <folder>] [--stage <name>] [--disposition <d>] [--category <c>] [--status <s>] [--fingerprint <prefix>] [--since <time or duration>]
        --otlp: sends traces, metrics and logs to an OTLP endpoint, such as http://127.0.0.1:4318; OTEL_* variables hold for the rest
        --trace: shows afterwards what happened to one record, such as M:System.String.Trim, attempt by attempt
        """);
    return problem is null ? ExitCode.Done : ExitCode.NothingRead;
}
