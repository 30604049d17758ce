using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace PipelineOps;

/// <summary>Keeps a folder for one store: a file that is held open, which the system closes when the process ends, however that ends.</summary>
/// <remarks>
/// Who holds it stands in a second file, because the first one cannot be read while it is locked. On Unix the lock is advisory (<c>flock</c>), and void on file systems
/// without locks.
/// </remarks>
internal sealed class FolderLock : IDisposable
{
    private const string LockFile = "failures.lock";
    private const string HolderFile = "failures.holder";

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <exception cref="IOException">Somebody else has the folder.</exception>
    public static FolderLock Take(string folder)
    {
        FileStream file;
        try
        {
            file = new FileStream(Path.Combine(folder, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException exception) when (exception is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException))
        {
            throw new IOException(
                $"The failure store in {folder} is in use by {Holder(folder)} ({exception.Message}). A folder belongs to one store at a time: "
                + $"share that store within its process, end that process, use another folder, or set {nameof(FileFailureStoreOptions.ReadOnly)} to read beside it.",
                exception);
        }

        Sign(folder);
        return new FolderLock(file);
    }

    public void Dispose() => _file.Dispose();

    // The file only serves the message above: a disk that is full must not keep the store from opening.
    private static void Sign(string folder)
    {
        try
        {
            using var self = Process.GetCurrentProcess();
            using FileStream file = new(Path.Combine(folder, HolderFile), FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            using var writer = new Utf8JsonWriter(file);
            writer.WriteStartObject();
            writer.WriteNumber("processId", Environment.ProcessId);
            writer.WriteString("process", self.ProcessName);
            writer.WriteString("started", self.StartTime.ToUniversalTime());
            writer.WriteString("host", Environment.MachineName);
            writer.WriteEndObject();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static string Holder(string folder)
    {
        try
        {
            using FileStream file = new(Path.Combine(folder, HolderFile), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var holder = JsonDocument.Parse(file);
            JsonElement root = holder.RootElement;
            return string.Create(
                CultureInfo.InvariantCulture,
                $"process {root.GetProperty("processId").GetInt32()} ({root.GetProperty("process").GetString()} on {root.GetProperty("host").GetString()}), which started at {root.GetProperty("started").GetDateTime():yyyy-MM-dd HH:mm:ss} UTC");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return "a process that did not leave its id";
        }
    }
}
