using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace PipelineOps;

/// <summary>Reads the lines of a file one after the other, and tells them from what is damaged.</summary>
/// <remarks>
/// A line that is not intact is searched for the beginning of another one, so that a torn line, whose end is missing, takes only itself with it. Blank lines mean nothing.
/// </remarks>
internal sealed class SegmentScanner : IDisposable
{
    private const int ChunkLength = 256 << 10;

    private readonly SafeFileHandle _file;
    private readonly Segment _segment;
    private readonly long _end;
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(ChunkLength);
    private int _start;
    private int _filled;
    private int _lineStart;
    private int _lineLength;

    // Where in the file _bytes[0] is.
    private long _origin;
    private (long Offset, long Length, string Reason)? _damage;

    public SegmentScanner(Segment segment, long from = 0)
    {
        _segment = segment;
        _file = segment.OpenToRead();
        _origin = from;
        _end = RandomAccess.GetLength(_file);
    }

    public List<FailureStoreDamage> Damage { get; } = [];

    /// <summary>How far the file is read.</summary>
    public long Position => _origin + _start;

    /// <summary>Whether a line without an end was read: only its end is lost.</summary>
    public bool HasUnendedLine { get; private set; }

    /// <summary>Where the last intact line ends.</summary>
    public long IntactEnd { get; private set; }

    /// <summary>The line that was read last, without its end.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(_lineStart, _lineLength);

    /// <summary>Where the line that was read last is, with its end.</summary>
    public LineSpan Span { get; private set; }

    /// <summary>The next intact line; <see langword="null"/> at the file's end.</summary>
    public LogLine? Next()
    {
        while (NextPiece(out int length, out bool isEnded))
        {
            ReadOnlySpan<byte> piece = _bytes.AsSpan(_start, length);
            if (LogLine.IsIntact(piece))
            {
                if (Take(length, isEnded) is { } line)
                    return line;
                continue;
            }

            int another = piece.Length > 1 ? piece[1..].IndexOf(LogLine.Start) + 1 : 0;
            if (another > 0)
            {
                // Its end may be missing, or be another byte.
                int intact = LogLine.IsIntact(piece[..another]) ? another : LogLine.IsIntact(piece[..(another - 1)]) ? another - 1 : 0;
                if (intact == 0)
                    AddDamage(another, "It is cut off.");
                else if (Take(intact, isEnded: false) is { } line)
                    return line;
            }
            else if (_damage is null && isEnded && piece.Trim(" \t\r"u8).IsEmpty)
                _start += length + 1;
            else
                AddDamage(isEnded ? length + 1 : length, isEnded ? "Its checksum is wrong." : "It is cut off by the end of the file.");
        }

        ReportDamage();
        return null;
    }

    public void Dispose()
    {
        _file.Dispose();
        byte[] bytes = _bytes;
        _bytes = [];
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private LogLine? Take(int length, bool isEnded)
    {
        LogLine? line = LogLine.Parse(_bytes.AsSpan(_start, length));
        int whole = isEnded ? length + 1 : length;
        if (line is null)
        {
            AddDamage(whole, "It is not what a line of its kind has.");
            return null;
        }

        ReportDamage();
        HasUnendedLine |= !isEnded;
        _lineStart = _start;
        _lineLength = length;
        Span = new LineSpan(_segment, Position, whole);
        _start += whole;
        IntactEnd = Position;
        return line;
    }

    // Neighbours are one piece: what is damaged has no lines of its own.
    private void AddDamage(int length, string reason)
    {
        _damage = _damage is { } damage ? damage with { Length = damage.Length + length } : (Position, length, reason);
        _start += length;
    }

    private void ReportDamage()
    {
        if (_damage is { } damage)
            Damage.Add(new FailureStoreDamage(_segment.File, damage.Offset, damage.Length, damage.Reason));
        _damage = null;
    }

    private bool NextPiece(out int length, out bool isEnded)
    {
        int searched = 0;
        while (true)
        {
            int end = _bytes.AsSpan(_start + searched, _filled - _start - searched).IndexOf((byte)'\n');
            if (end >= 0)
            {
                length = searched + end;
                isEnded = true;
                return true;
            }

            searched = _filled - _start;
            if (!Fill())
            {
                length = searched;
                isEnded = false;
                return searched > 0;
            }
        }
    }

    private bool Fill()
    {
        long left = _end - _origin - _filled;
        if (left <= 0)
            return false;

        if (_start > 0)
        {
            _bytes.AsSpan(_start, _filled - _start).CopyTo(_bytes);
            _origin += _start;
            _filled -= _start;
            _start = 0;
        }

        if (_filled == _bytes.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(2L * _bytes.Length, Array.MaxLength));
            _bytes.AsSpan(0, _filled).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        int read = RandomAccess.Read(_file, _bytes.AsSpan(_filled, (int)Math.Min(left, _bytes.Length - _filled)), _origin + _filled);
        _filled += read;
        return read > 0;
    }
}
