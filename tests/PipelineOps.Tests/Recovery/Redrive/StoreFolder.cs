namespace PipelineOps.Tests.Recovery.Redrive;

/// <summary>A folder for stores of files; deleted afterwards, with what is open in it.</summary>
internal sealed class StoreFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("pipelineops-redrive-").FullName;
    private FileFailureStore? _open;

    /// <summary>Opens the store, after closing the one before it.</summary>
    public FileFailureStore Open(TimeProvider time)
    {
        _open?.Dispose();
        return _open = FileFailureStore.Open(_path, new FileFailureStoreOptions { TimeProvider = time });
    }

    public void Dispose()
    {
        _open?.Dispose();
        Directory.Delete(_path, recursive: true);
    }
}
