namespace PipelineOps;

/// <summary>A piece of a store's file that is not what the store wrote, as a crash or a failing disk leaves behind. It was left out.</summary>
/// <param name="File">The file's path.</param>
/// <param name="Offset">Where in the file the piece begins, as the file was when it was opened; in bytes.</param>
/// <param name="Length">How long it is; in bytes.</param>
/// <param name="Reason">What is wrong with it.</param>
/// <param name="KeptIn">The file that holds the piece's bytes now, if it was moved out of the store's file.</param>
public sealed record FailureStoreDamage(string File, long Offset, long Length, string Reason, string? KeptIn = null);
