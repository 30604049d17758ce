namespace PipelineOps;

/// <summary>A stage's part in the store of a folder, which all stages of the process that name the folder share. Opened by the first who needs it, closed by the last.</summary>
internal sealed class SharedFailureStore(string folder) : IDisposable
{
    private static readonly Dictionary<string, (FileFailureStore Store, int Users)> Stores = [];

    private readonly string _folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    private FileFailureStore? _store;
    private volatile bool _isDisposed;

    /// <summary>
    /// Opens the store, again after <see cref="Dispose"/> too: a call that outlives its stage, or its options, must be able to keep its failure.
    /// </summary>
    public FileFailureStore Open()
    {
        lock (Stores)
        {
            if (_store is not null)
                return _store;

            if (Stores.TryGetValue(_folder, out (FileFailureStore Store, int Users) known))
                _store = known.Store;
            else
                _store = FileFailureStore.Open(_folder);

            Stores[_folder] = (_store, known.Users + 1);
            return _store;
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        Close();
    }

    /// <summary>After each use: closes what was opened after <see cref="Dispose"/>, as nobody else would.</summary>
    public void Release()
    {
        if (_isDisposed)
            Close();
    }

    private void Close()
    {
        FileFailureStore? closed = null;
        lock (Stores)
        {
            if (_store is null)
                return;

            (FileFailureStore store, int users) = Stores[_folder];
            _store = null;
            if (users > 1)
            {
                Stores[_folder] = (store, users - 1);
            }
            else
            {
                Stores.Remove(_folder);
                closed = store;
            }
        }

        closed?.Dispose();
    }
}
