using System.Diagnostics;
using System.Globalization;

namespace PipelineOps.Tests.Recovery.Storage;

public sealed class FullDiskTests
{
    private const string OnSmallDisk =
        """
        mkdir -p "$1" && mount -t tmpfs -o size=256k tmpfs "$1" && exec "$DOTNET" "$CHILD" fill "$1/store" "$1/ballast"
        """;

    // The runtime maps its code twice through a file that would be too large.
    private const string WithSmallFiles =
        """
        mkdir -p "$1" && export DOTNET_EnableWriteXorExecute=0 && trap '' XFSZ && ulimit -f 100 && exec "$DOTNET" "$CHILD" fill "$1/store" "$1/ballast"
        """;

    [Fact]
    public async Task On_a_full_disk_appends_fail_clearly_and_go_on_once_there_is_room_and_nothing_is_lost_or_invented()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs a small file system, which is mounted on Linux only.");
        await using var test = new TestStore();

        (int exitCode, string output) = await Run(["unshare", "-rm"], OnSmallDisk, test.Folder);
        if (exitCode != 0 && !output.Contains("before=", StringComparison.Ordinal))
            (exitCode, output) = await Run(["unshare", "-m"], OnSmallDisk, test.Folder);
        if (exitCode != 0 && !output.Contains("before=", StringComparison.Ordinal))
            (exitCode, output) = await Run([], WithSmallFiles, test.Folder);

        Assert.True(exitCode == 0, output);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string error = lines.First(line => line.StartsWith("error=", StringComparison.Ordinal));
        Assert.Contains(Path.Combine(test.Folder, "store"), error, StringComparison.Ordinal);
        Assert.Contains("Free space on its disk", error, StringComparison.Ordinal);
        Assert.InRange(int.Parse(lines.Single(line => line.StartsWith("before=", StringComparison.Ordinal))["before=".Length..], CultureInfo.InvariantCulture), 20, 1_000);
        Assert.Contains("full lost=0 invented=0 unacknowledged=0", lines);
        Assert.Contains("after=11", lines);
        Assert.Contains("reopened lost=0 invented=0 damaged=0", lines);
    }

    private static async Task<(int ExitCode, string Output)> Run(string[] before, string script, string folder)
    {
        try
        {
            using Process child = Child.StartInShell(before, script, folder);
            Task<string> errors = child.StandardError.ReadToEndAsync(TestStore.Token);
            string output = await child.StandardOutput.ReadToEndAsync(TestStore.Token);
            await child.WaitForExitAsync(TestStore.Token);
            return (child.ExitCode, output + await errors);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return (-1, exception.Message);
        }
    }
}
