using System.Diagnostics;

namespace PipelineOps.Tests.Recovery.Storage;

public sealed class FolderLockTests
{
    [Fact]
    public async Task A_second_store_of_the_same_process_is_told_who_has_the_folder_and_what_to_do()
    {
        await using var test = new TestStore();
        await test.Append(TestStore.Failure());

        var exception = Assert.Throws<IOException>(test.Open);

        Assert.Contains(test.Folder, exception.Message, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId} ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(", which started at 20", exception.Message, StringComparison.Ordinal);
        Assert.Contains("use another folder", exception.Message, StringComparison.Ordinal);
        await test.Append(TestStore.Failure());
        await test.Reopen();
        Assert.Equal(2, (await test.Ids()).Length);
    }

    [Fact]
    public async Task A_folder_that_could_not_be_opened_is_free_again()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs the right to make symbolic links.");
        await using var test = new TestStore();
        Directory.CreateDirectory(test.Folder);
        string broken = Path.Combine(test.Folder, "failures-00000001.jsonl");
        File.CreateSymbolicLink(broken, "nowhere");

        Assert.ThrowsAny<IOException>(test.Open);
        File.Delete(broken);

        await test.Append(TestStore.Failure());
    }

    [Fact]
    public async Task Another_process_that_has_the_folder_is_named_and_the_lock_dies_with_it()
    {
        await using var test = new TestStore();
        using Process holder = Child.Start("hold", test.Folder);
        Assert.Equal("holding", await holder.StandardOutput.ReadLineAsync(TestStore.Token));

        var exception = Assert.Throws<IOException>(test.Open);
        Assert.Contains($"process {holder.Id} ", exception.Message, StringComparison.Ordinal);

        // Another process may read beside it.
        test.Options.ReadOnly = true;
        Assert.Empty(await test.Read());
        await test.Close();
        test.Options.ReadOnly = false;

        holder.Kill();
        await holder.WaitForExitAsync(TestStore.Token);
        await test.Append(TestStore.Failure());
    }
}
