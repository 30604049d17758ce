using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace PipelineOps;

/// <summary>The names of a store's files, and what concerns all of them.</summary>
/// <remarks>
/// <c>failures-00000007.jsonl</c> is the seventh segment; <c>failures-00000007-2.jsonl</c> is what is left of it after its second rewriting, and replaces it.
/// A file is only ever added to at its end, and only the newest one; all else makes a new file, so that whoever reads never sees one change.
/// </remarks>
internal sealed class StoreFolder(string path)
{
    private const string Prefix = "failures-";
    private const string Extension = ".jsonl";
    private const string Unfinished = ".tmp";

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    public string FileOf(int number, int revision) => System.IO.Path.Combine(
        Path,
        revision == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D8}{Extension}")
            : string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D8}-{revision}{Extension}"));

    public static string UnfinishedFile(string file) => file + Unfinished;

    /// <summary>Where pieces that were cut out of a segment's file go. Not <c>.jsonl</c>: they are not JSON.</summary>
    public static string DamagedFile(string file, int number) =>
        System.IO.Path.ChangeExtension(file, number == 0 ? ".damaged" : string.Create(CultureInfo.InvariantCulture, $".{number}.damaged"));

    /// <summary>The segments' current files in their order.</summary>
    public List<Segment> Segments() => [.. All().GroupBy(static segment => segment.Number).Select(static revisions => revisions.MaxBy(static segment => segment.Revision)!)
        .OrderBy(static segment => segment.Number)];

    /// <summary>Deletes what a crash left of a rewriting: its beginning, or the file that it has replaced.</summary>
    public void DeleteLeftovers(List<Segment> current)
    {
        foreach (string file in Directory.EnumerateFiles(Path, $"{Prefix}*{Unfinished}"))
            File.Delete(file);

        HashSet<string> keep = [.. current.Select(static segment => segment.File)];
        foreach (Segment segment in All().Where(segment => !keep.Contains(segment.File)))
            File.Delete(segment.File);
    }

    /// <summary>
    /// Makes the folder's own entries durable, so that a file which was created, renamed or deleted stays so after a power failure. On Linux and macOS; Windows
    /// cannot, and needs no such call: NTFS keeps a journal of them.
    /// </summary>
    public void Flush() => Flush(Path);

    /// <summary>Makes the folder, and those above it, as durable as what comes into it.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public void Create()
    {
        try
        {
            Create(Path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The failure store's folder {Path} cannot be created: {exception.Message} Name a folder, no file, in a place where this process may write.", exception);
        }
    }

    private static void Create(string path)
    {
        if (Directory.Exists(path))
            return;

        string? parent = System.IO.Path.GetDirectoryName(path);
        if (parent is not null)
            Create(parent);
        Directory.CreateDirectory(path);
        if (parent is not null)
            Flush(parent);
    }

    private static void Flush(string path)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            return;

        const int closeOnExecLinux = 0x80000;
        const int closeOnExecMac = 0x1000000;
        int descriptor = Open(Encoding.UTF8.GetBytes(path + '\0'), OperatingSystem.IsLinux() ? closeOnExecLinux : closeOnExecMac);
        if (descriptor < 0)
            throw new IOException($"The folder {path} cannot be opened to flush it: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.FlushToDisk(handle);
    }

    // .NET opens no folders.
    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags);

    private IEnumerable<Segment> All()
    {
        foreach (string file in Directory.EnumerateFiles(Path, $"{Prefix}*{Extension}"))
        {
            string[] parts = System.IO.Path.GetFileNameWithoutExtension(file)[Prefix.Length..].Split('-');
            int revision = 0;
            if (parts.Length is 1 or 2
                && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && (parts.Length == 1 || int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out revision))
                && string.Equals(file, FileOf(number, revision), StringComparison.Ordinal))
            {
                yield return new Segment(number, revision, file);
            }
        }
    }
}
