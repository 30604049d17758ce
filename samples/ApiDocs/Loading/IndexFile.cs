using System.Buffers;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace ApiDocs.Loading;

/// <summary>The index: a JSON Lines file that holds each name once. For one caller at a time.</summary>
internal sealed class IndexFile : IDisposable
{
    private readonly Dictionary<string, string> _holders;
    private readonly ArrayBufferWriter<byte> _lines = new();
    private readonly SafeFileHandle _file;
    private long _length;

    private IndexFile(string path, Dictionary<string, string> holders, long length)
    {
        Path = path;
        _holders = holders;
        _length = length;
        _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write);
        CutBack();
    }

    public string Path { get; }

    /// <summary>Begins an empty index.</summary>
    /// <exception cref="IOException">The file cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be created.</exception>
    public static IndexFile Create(string path) => new(path, [], 0);

    /// <summary>Opens an index to add to it, up to the last whole line; an empty one if there is none.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    /// <exception cref="JsonException">A line is not of an index.</exception>
    public static IndexFile Open(string path)
    {
        byte[] content = File.Exists(path) ? File.ReadAllBytes(path) : [];
        int length = content.AsSpan().LastIndexOf((byte)'\n') + 1;
        Dictionary<string, string> holders = [];
        for (int start = 0; start < length;)
        {
            int end = start + content.AsSpan(start).IndexOf((byte)'\n');
            IndexEntry entry = JsonSerializer.Deserialize(content.AsSpan(start..end), RecordJson.Default.IndexEntry)!;
            holders[entry.Id] = entry.File;
            start = end + 1;
        }

        return new IndexFile(path, holders, length);
    }

    /// <summary>Adds entries, all of them or none.</summary>
    /// <exception cref="NameTakenException">The index has one of the names.</exception>
    /// <exception cref="CannotGoOnException">The file cannot be written.</exception>
    public async ValueTask AppendAsync(IReadOnlyList<IndexEntry> entries)
    {
        var added = new Dictionary<string, string>(entries.Count);
        foreach (IndexEntry entry in entries)
        {
            if (_holders.TryGetValue(entry.Id, out string? holder) || added.TryGetValue(entry.Id, out holder))
                throw new NameTakenException(entry.Id, holder);

            added.Add(entry.Id, entry.File);
        }

        await WriteAsync(entries);
        foreach ((string id, string file) in added)
            _holders.Add(id, file);
    }

    public void Dispose() => _file.Dispose();

    private async ValueTask WriteAsync(IReadOnlyList<IndexEntry> entries)
    {
        _lines.ResetWrittenCount();
        foreach (IndexEntry entry in entries)
        {
            _lines.Write(JsonSerializer.SerializeToUtf8Bytes(entry, RecordJson.Default.IndexEntry));
            _lines.Write("\n"u8);
        }

        try
        {
            await RandomAccess.WriteAsync(_file, _lines.WrittenMemory, _length);
            _length += _lines.WrittenCount;
        }
        catch (Exception exception)
        {
            CutBack();
            throw new CannotGoOnException($"cannot write {Path}: {exception.Message}", exception);
        }
    }

    // What a failed write, or a crash in one, has left.
    private void CutBack()
    {
        try
        {
            RandomAccess.SetLength(_file, _length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            // A file that cannot be cut cannot be written either, and that says what is wrong.
        }
    }
}
