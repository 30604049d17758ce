using System.Buffers;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace ApiDocs.Loading;

/// <summary>A JSON Lines file of outcomes, written a batch at a time.</summary>
internal sealed class OutcomeFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly ArrayBufferWriter<byte> _lines = new();
    private long _length;

    /// <exception cref="IOException">The file cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be created.</exception>
    public OutcomeFile(string path)
    {
        Path = path;
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
    }

    public string Path { get; }

    /// <summary>Writes a batch behind the last one that was written whole, so that a retry overwrites what a failed write left.</summary>
    /// <exception cref="IOException">The batch cannot be written.</exception>
    public async ValueTask WriteAsync(IEnumerable<Outcome> batch, CancellationToken cancellationToken)
    {
        _lines.ResetWrittenCount();
        foreach (Outcome outcome in batch)
        {
            _lines.Write(Serialize(outcome));
            _lines.Write("\n"u8);
        }

        await RandomAccess.WriteAsync(_file, _lines.WrittenMemory, _length, cancellationToken);
        _length += _lines.WrittenCount;
    }

    public void Dispose() => _file.Dispose();

    private static byte[] Serialize(Outcome outcome) => outcome switch
    {
        { Record: var record, Entry: { } entry } => JsonSerializer.SerializeToUtf8Bytes(
            new IndexLine(record.Id, record.Type, record.File, record.Summary, record.Parameters, entry.Area, entry.Url),
            JsonLines.Default.IndexLine),
        { Record: var record, Failure: var failure } => JsonSerializer.SerializeToUtf8Bytes(
            new FailureLine(record.Id.Length == 0 ? null : record.Id, record.File, failure!.Stage, failure.Reason, failure.Detail),
            JsonLines.Default.FailureLine),
    };
}
