using Microsoft.Win32.SafeHandles;

namespace PipelineOps;

/// <summary>One of a store's files, and how much of it is still needed.</summary>
internal sealed class Segment(int number, int revision, string file)
{
    public int Number { get; } = number;

    public int Revision { get; } = revision;

    public string File { get; } = file;

    /// <summary>How many bytes are durable and belong to the store.</summary>
    public long Length { get; set; }

    /// <summary>How many of them hold failures that are kept, or what became of these.</summary>
    public long LiveBytes { get; set; }

    /// <summary>When the file was begun, if its first line says so.</summary>
    public DateTimeOffset? Begun { get; set; }

    public SafeFileHandle OpenToRead() => System.IO.File.OpenHandle(File, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
}
