namespace PipelineOps;

/// <summary>Turns records into the bytes that a failure keeps, and back for a redrive. Implemented by users who keep another format than JSON.</summary>
public interface IPayloadSerializer
{
    /// <summary>The media type of what <see cref="Serialize{T}"/> writes.</summary>
    string ContentType { get; }

    /// <summary>Writes a record. Whatever this throws is noted in the failure, whose payload is then empty.</summary>
    /// <typeparam name="T">The record's static type.</typeparam>
    /// <param name="record">The record.</param>
    ReadOnlyMemory<byte> Serialize<T>(T record);

    /// <summary>Reads a record that <see cref="Serialize{T}"/> wrote, or that was kept as received.</summary>
    /// <typeparam name="T">The record's static type.</typeparam>
    /// <param name="content">The bytes.</param>
    T Deserialize<T>(ReadOnlyMemory<byte> content);
}
