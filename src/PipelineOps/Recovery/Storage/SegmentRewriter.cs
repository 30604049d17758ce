using Microsoft.Win32.SafeHandles;

namespace PipelineOps;

/// <summary>
/// Replaces files, of which little is needed any more or which are damaged, by ones that have what is needed, and deletes those of which nothing is. May run beside
/// appends: it leaves the newest file alone, and in the others lines only ever become superfluous.
/// </summary>
internal sealed class SegmentRewriter(StoreFolder folder, FailureIndex index, TimeProvider timeProvider)
{
    /// <summary>Rewrites a file that nothing is added to.</summary>
    /// <returns>What was found damaged in it, each piece with the file that its bytes are in now.</returns>
    /// <exception cref="IOException">It could not be done, for want of space perhaps. The file is as it was.</exception>
    public IReadOnlyList<FailureStoreDamage> Rewrite(Segment segment)
    {
        var replacement = new Segment(segment.Number, segment.Revision + 1, folder.FileOf(segment.Number, segment.Revision + 1)) { Begun = segment.Begun };
        string unfinished = StoreFolder.UnfinishedFile(replacement.File);
        List<(LogLine Line, LineSpan From, LineSpan To)> moved = [];
        List<Guid> dropped = [];
        List<FailureStoreDamage> damage;
        FileStream? output = null;
        DateTimeOffset now = timeProvider.GetUtcNow();
        try
        {
            using (var scanner = new SegmentScanner(segment))
            {
                byte[] header = [];
                while (scanner.Next() is { } line)
                {
                    if (line.Kind == LogLineKind.Segment)
                    {
                        header = scanner.Bytes.ToArray();
                        continue;
                    }

                    bool isKept;
                    lock (index.Gate)
                        isKept = index.Needs(line, segment, scanner.Span.Offset, now);

                    if (isKept)
                    {
                        // Not before something is kept: a full disk has room for fewer files only.
                        output ??= Begin(unfinished, header);
                        moved.Add((line, scanner.Span, new LineSpan(replacement, output.Position, scanner.Bytes.Length + 1)));
                        Write(output, scanner.Bytes);
                    }
                    else if (line.Kind == LogLineKind.Failure)
                        dropped.Add(line.Id);
                }

                damage = Keep(scanner.Damage, segment);
            }

            if (output is not null)
            {
                output.Flush(flushToDisk: true);
                replacement.Length = output.Position;
                output.Dispose();
                File.Move(unfinished, replacement.File, overwrite: true);
                folder.Flush();
            }
        }
        catch
        {
            output?.Dispose();
            TryDelete(unfinished);
            throw;
        }

        Replace(segment, output is null ? null : replacement, moved, isDamaged: damage.Count > 0);

        // Only when that cannot come back after a power failure may the lines go which say that the failures in it are forgotten.
        File.Delete(segment.File);
        folder.Flush();
        lock (index.Gate)
        {
            foreach (Guid id in dropped)
                index.DropDeadLine(id);
        }

        return damage;
    }

    /// <summary>Cuts damage off a file's end, which is cheaper than rewriting the rest.</summary>
    public IReadOnlyList<FailureStoreDamage> CutTail(Segment segment, IReadOnlyList<FailureStoreDamage> damage)
    {
        damage = Keep(damage, segment);
        using (SafeFileHandle file = File.OpenHandle(segment.File, FileMode.Open, FileAccess.Write, FileShare.Read | FileShare.Delete))
        {
            RandomAccess.SetLength(file, damage[0].Offset);
            RandomAccess.FlushToDisk(file);
        }

        segment.Length = damage[0].Offset;
        return damage;
    }

    private void Replace(Segment segment, Segment? replacement, List<(LogLine Line, LineSpan From, LineSpan To)> moved, bool isDamaged)
    {
        lock (index.Gate)
        {
            int place = index.Segments.IndexOf(segment);
            if (replacement is null)
                index.Segments.RemoveAt(place);
            else
            {
                index.Segments[place] = replacement;
                foreach ((LogLine line, LineSpan from, LineSpan to) in moved)
                    index.Move(line, from, to);
            }

            if (!isDamaged)
                return;

            // What has become unreadable since the store was opened is not moved, and not there any more.
            foreach (FailureEntry lost in index.All().Where(entry => entry.Line.Segment == segment).ToList())
                index.Forget(lost);
        }
    }

    // The bytes are worth keeping: a person may find a record in them.
    private List<FailureStoreDamage> Keep(IReadOnlyList<FailureStoreDamage> damage, Segment segment)
    {
        if (damage.Count == 0)
            return [];

        string file = StoreFolder.DamagedFile(segment.File, 0);
        for (int i = 1; File.Exists(file); i++)
            file = StoreFolder.DamagedFile(segment.File, i);

        try
        {
            using SafeFileHandle source = segment.OpenToRead();
            using FileStream output = new(file, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            byte[] buffer = new byte[64 << 10];
            foreach (FailureStoreDamage piece in damage)
            {
                for (long at = piece.Offset; at < piece.Offset + piece.Length;)
                {
                    int read = RandomAccess.Read(source, buffer.AsSpan(0, (int)Math.Min(buffer.Length, piece.Offset + piece.Length - at)), at);
                    if (read == 0)
                        break;

                    output.Write(buffer, 0, read);
                    at += read;
                }
            }

            output.Flush(flushToDisk: true);
        }
        catch
        {
            TryDelete(file);
            throw;
        }

        folder.Flush();
        return [.. damage.Select(piece => piece with { KeptIn = file })];
    }

    private static FileStream Begin(string file, byte[] header)
    {
        var output = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None);
        if (header.Length > 0)
            Write(output, header);
        return output;
    }

    private static void Write(FileStream output, ReadOnlySpan<byte> line)
    {
        output.Write(line);
        output.WriteByte((byte)'\n');
    }

    private static void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
