using System.Runtime.InteropServices;
using ApiDocs;
using Spectre.Console;

using var stop = new CancellationTokenSource();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

return IngestOptions.TryParse(args, out IngestOptions options, out string? problem)
    ? await IngestJob.RunAsync(options, AnsiConsole.Console, Console.Error, stop.Token)
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
    Console.WriteLine("Usage: ApiDocs [<folder with XML documentation files>] [--out <folder>]");
    return problem is null ? ExitCode.Done : ExitCode.NothingRead;
}
