namespace PipelineOps.Tests.Recovery.Storage;

public sealed class FileFailureStoreOptionsTests
{
    [Fact]
    public void Every_invalid_option_is_listed_and_no_folder_is_made()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");
        var options = new FileFailureStoreOptions
        {
            SegmentBytes = 4095,
            SegmentAge = TimeSpan.Zero,
            MaxBytes = 4094,
            RetainResolved = TimeSpan.FromSeconds(-1),
            RetainAll = TimeSpan.Zero,
            TimeProvider = null!,
        };

        var exception = Assert.Throws<InvalidOptionsException>(() => FileFailureStore.Open(folder, options));

        Assert.Equal(
            [
                "SegmentBytes is 4095, but must be from 4096 to 1073741824.",
                "SegmentAge is 00:00:00, but must be at least 1 s, or null to begin files by size only.",
                "MaxBytes is 4094, but must be at least SegmentBytes, or null for no limit.",
                "RetainResolved is -00:00:01, but must be at least zero, or null to keep them until they are purged.",
                "RetainAll is 00:00:00, but must be more than zero, or null to keep what is unresolved for ever.",
                "TimeProvider is null, but must be set.",
            ],
            exception.Failures);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task Options_are_read_once()
    {
        await using var test = new TestStore();
        FileFailureStore store = test.Store;

        test.Options.ReadOnly = true;
        test.Options.MaxBytes = 1;

        await store.AppendAsync([TestStore.Failure()], TestStore.Token);
        Assert.Single(await TestStore.Read(store));
    }
}
