namespace ApiDocs;

/// <summary>
/// Something failed that no record is to blame for and that the next one would meet too: the record goes back to where it came from, and the job ends.
/// </summary>
internal sealed class CannotGoOnException(string message, Exception? innerException = null) : Exception(message, innerException);
