using System.Diagnostics;

namespace PipelineOps.Tests.Recovery.Storage;

/// <summary>The program of <c>tests/CrashChild</c>, built beside this one.</summary>
internal static class Child
{
    private static string Program { get; } = Path.Combine(
        AppContext.BaseDirectory.Replace($"{Path.DirectorySeparatorChar}PipelineOps.Tests{Path.DirectorySeparatorChar}", $"{Path.DirectorySeparatorChar}CrashChild{Path.DirectorySeparatorChar}", StringComparison.Ordinal),
        "CrashChild.dll");

    public static Process Start(params string[] arguments)
    {
        ProcessStartInfo start = Redirected(DotNet);
        start.ArgumentList.Add(Program);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Starts a shell, whose script starts the program by <c>"$DOTNET" "$CHILD"</c>.</summary>
    public static Process StartInShell(IReadOnlyList<string> before, string script, params string[] arguments)
    {
        string[] command = [.. before, "bash", "-c", script, "bash", .. arguments];
        ProcessStartInfo start = Redirected(command[0]);
        foreach (string argument in command[1..])
            start.ArgumentList.Add(argument);
        start.Environment["DOTNET"] = DotNet;
        start.Environment["CHILD"] = Program;
        return Process.Start(start)!;
    }

    private static string DotNet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path ? path : "dotnet";

    private static ProcessStartInfo Redirected(string file)
    {
        Assert.True(File.Exists(Program), $"There is no {Program}: build tests/CrashChild.");
        return new ProcessStartInfo(file) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
    }
}
