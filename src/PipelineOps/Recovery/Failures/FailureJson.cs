using System.Text.Json;

namespace PipelineOps;

/// <summary>Failures as JSON.</summary>
public static class FailureJson
{
    /// <summary>Writes a failure as one line of UTF-8 JSON.</summary>
    /// <param name="failure">The failure.</param>
    public static byte[] Serialize(FailureRecord failure) => throw new NotImplementedException();

    /// <summary>Reads a failure. Members that it does not know, as a later version may write, are ignored.</summary>
    /// <param name="json">The JSON, in UTF-8.</param>
    /// <exception cref="JsonException">The text is not a failure.</exception>
    public static FailureRecord Deserialize(ReadOnlySpan<byte> json) => throw new NotImplementedException();
}
