using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace PipelineOps;

/// <summary>Reads failures from their files; fastest in the order in which they were appended. For one reader at a time.</summary>
/// <param name="index">Where the entries are from.</param>
/// <param name="report">Is told of what cannot be read.</param>
/// <param name="findAgain">Finds a failure in an index that is up to date, if this one does not follow the files by itself.</param>
internal sealed class RecordReader(FailureIndex index, Action<FailureStoreDamage> report, Func<Guid, FailureEntry?>? findAgain) : IDisposable
{
    private Segment? _segment;
    private SafeFileHandle? _file;
    private byte[] _bytes = [];

    /// <summary>Reads a failure.</summary>
    /// <returns><see langword="null"/> if it is forgotten, or has become unreadable, which is reported.</returns>
    public FailureRecord? Read(FailureEntry entry)
    {
        LineSpan? missing = null;
        while (true)
        {
            LineSpan line;
            lock (index.Gate)
            {
                if (entry.IsForgotten)
                    return null;
                line = entry.Line;
            }

            // The file was replaced after the index was asked; if the index still points to it, somebody has deleted it.
            if (missing == line)
            {
                if (findAgain is not null)
                {
                    if (findAgain(entry.Id) is not { } found)
                        return null;
                    if (found != entry)
                    {
                        entry = found;
                        continue;
                    }
                }

                report(new FailureStoreDamage(line.Segment.File, line.Offset, line.Length, "The file is gone."));
                return null;
            }

            try
            {
                Open(line.Segment);
            }
            catch (FileNotFoundException)
            {
                missing = line;
                continue;
            }

            if (LineAt(line) is { } bytes && LogLine.IsIntact(bytes.Span) && LogLine.ParseFailure(bytes.Span, entry.Id) is { } record)
                return record;

            report(new FailureStoreDamage(line.Segment.File, line.Offset, line.Length, "It has changed since it was written or read."));
            return null;
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Open(Segment segment)
    {
        if (_segment == segment)
            return;

        _file?.Dispose();
        _segment = null;
        _file = segment.OpenToRead();
        _segment = segment;
    }

    private ReadOnlyMemory<byte>? LineAt(LineSpan line)
    {
        if (_bytes.Length < line.Length)
        {
            if (_bytes.Length > 0)
                ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = ArrayPool<byte>.Shared.Rent(line.Length);
        }

        for (int filled = 0; filled < line.Length;)
        {
            int read = RandomAccess.Read(_file!, _bytes.AsSpan(filled, line.Length - filled), line.Offset + filled);
            if (read == 0)
                return null;
            filled += read;
        }

        // A line whose end was lost has none.
        return _bytes.AsMemory(0, _bytes[line.Length - 1] == '\n' ? line.Length - 1 : line.Length);
    }
}
