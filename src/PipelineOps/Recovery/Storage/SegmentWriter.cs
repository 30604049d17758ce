using Microsoft.Win32.SafeHandles;

namespace PipelineOps;

/// <summary>Adds groups to the newest file, begins the next one when it is time, and takes back what could not be made durable.</summary>
internal sealed class SegmentWriter(StoreFolder folder, FailureIndex index, FileFailureStoreOptions options) : IDisposable
{
    private const int BufferLength = 128 << 10;

    private readonly byte[] _buffer = new byte[BufferLength];
    private SafeFileHandle? _file;
    private int _number;

    // The file has bytes behind Current.Length that were not acknowledged.
    private bool _mustCut;
    private bool _mustBegin;

    public Segment? Current { get; private set; }

    /// <summary>Goes on with a file, which must be intact to its end.</summary>
    public void Continue(Segment segment)
    {
        _number = segment.Number;
        Current = segment;
        segment.Begun ??= options.TimeProvider.GetUtcNow();
        _file = File.OpenHandle(segment.File, FileMode.Open, FileAccess.Write, FileShare.Read | FileShare.Delete);
    }

    /// <summary>The next file gets a higher number than this.</summary>
    public void ContinueAfter(int number) => _number = number;

    /// <summary>Lets the next group begin a file.</summary>
    public void Seal() => _mustBegin = true;

    /// <summary>Writes a group and flushes it.</summary>
    /// <returns>Where it begins, and whether that is another file than before.</returns>
    public (Segment Segment, long Offset, bool HasRotated) Write(CommitGroup group)
    {
        // Before anything else: what follows it would make it look acknowledged.
        if (_mustCut)
            Cut();

        bool rotates = IsTimeToRotate(group);
        bool isFirst = Current is null;
        if (rotates)
            Begin(group.Now);

        Segment segment = Current!;
        using var header = new LineBuffer();
        if (segment.Length == 0)
        {
            segment.Begun = group.Now;
            header.AddSegment(segment.Number, group.Now);
        }

        long start = segment.Length + header.Length;
        try
        {
            Write(header.Slice(0, header.Length), group.Chunks, segment.Length);
            RandomAccess.FlushToDisk(_file!);
        }
        catch
        {
            // After a failed flush the system may think that what it could not write is written: the file is not trusted with more.
            _mustCut = true;
            _mustBegin = segment.Length > 0;
            TryCut();
            throw;
        }

        lock (index.Gate)
            segment.Length = start + group.Length;
        return (segment, start, rotates && !isFirst);
    }

    public void Dispose()
    {
        if (_mustCut)
            TryCut();
        _file?.Dispose();
    }

    private bool IsTimeToRotate(CommitGroup group) =>
        Current is not { } current
        || (current.Length > 0
            && (_mustBegin
                || current.Length + group.Length > options.SegmentBytes
                || (options.SegmentAge is { } age && current.Begun is { } begun && group.Now - begun >= age)));

    private void Begin(DateTimeOffset now)
    {
        _number++;
        var segment = new Segment(_number, 0, folder.FileOf(_number, 0)) { Begun = now };
        SafeFileHandle file = File.OpenHandle(segment.File, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
        try
        {
            folder.Flush();
        }
        catch
        {
            // Or every new try would leave a file behind.
            file.Dispose();
            File.Delete(segment.File);
            throw;
        }

        _file?.Dispose();
        _file = file;
        _mustBegin = false;
        Current = segment;
        lock (index.Gate)
            index.Segments.Add(segment);
    }

    // Small pieces are put together: one call to the system for a group, not one for each writer.
    private void Write(ReadOnlyMemory<byte> header, IReadOnlyList<ReadOnlyMemory<byte>> chunks, long offset)
    {
        header.Span.CopyTo(_buffer);
        int filled = header.Length;
        foreach (ReadOnlyMemory<byte> chunk in chunks)
        {
            if (filled + chunk.Length > BufferLength)
            {
                RandomAccess.Write(_file!, _buffer.AsSpan(0, filled), offset);
                offset += filled;
                filled = 0;
            }

            if (chunk.Length > BufferLength)
            {
                RandomAccess.Write(_file!, chunk.Span, offset);
                offset += chunk.Length;
            }
            else
            {
                chunk.Span.CopyTo(_buffer.AsSpan(filled));
                filled += chunk.Length;
            }
        }

        if (filled > 0)
            RandomAccess.Write(_file!, _buffer.AsSpan(0, filled), offset);
    }

    private void TryCut()
    {
        try
        {
            Cut();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // The next group tries again.
        }
    }

    private void Cut()
    {
        RandomAccess.SetLength(_file!, Current!.Length);
        _mustCut = false;
    }
}
