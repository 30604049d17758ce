namespace ApiDocs.Loading;

/// <summary>The files of a run, one for each disposition that keeps its records.</summary>
internal sealed class OutcomeFiles : IDisposable
{
    private readonly Dictionary<Disposition, OutcomeFile> _files = [];

    /// <exception cref="IOException">The folder or a file cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or a file may not be created.</exception>
    public OutcomeFiles(string folder)
    {
        Directory.CreateDirectory(folder);
        _files.Add(Disposition.Succeeded, new OutcomeFile(Path.Combine(folder, "index.jsonl")));
        _files.Add(Disposition.Quarantined, new OutcomeFile(Path.Combine(folder, "quarantined.jsonl")));
        _files.Add(Disposition.DeadLettered, new OutcomeFile(Path.Combine(folder, "dead-lettered.jsonl")));
    }

    /// <summary>The file of a disposition; <see langword="null"/> for one that only counts.</summary>
    public OutcomeFile? this[Disposition disposition] => _files.GetValueOrDefault(disposition);

    public void Dispose()
    {
        foreach (OutcomeFile file in _files.Values)
            file.Dispose();
    }
}
