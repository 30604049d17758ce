namespace PipelineOps;

/// <summary>How the bytes of a record that failed are kept.</summary>
public sealed class PayloadOptions
{
    /// <summary>Whether anything is kept of them. Without its payload a failure cannot be redriven from the store.</summary>
    /// <value>The default is <see langword="true"/>.</value>
    public bool Enabled { get; set; } = true;

    /// <summary>
    /// Writes records whose description has no bytes, and reads all of them for a redrive. What it cannot write, such as a stream or a cycle, is kept without
    /// a payload, and <see cref="FailurePayload.Error"/> says why.
    /// </summary>
    /// <value>The default is <see cref="JsonPayloadSerializer.Default"/>.</value>
    public IPayloadSerializer Serializer { get; set; } = JsonPayloadSerializer.Default;

    /// <summary>
    /// How many bytes are kept; longer payloads are cut and marked so, and cannot be redriven from the store. The serializer writes the whole record first.
    /// </summary>
    /// <value>The default is 1 MiB; from 0 to 64 MiB.</value>
    public int MaxBytes { get; set; } = 1 << 20;

    /// <summary>
    /// Takes out what must not be kept, before the cut: answers the content to keep, or the same if there is nothing to take out. If it throws, nothing is
    /// kept of the payload. A redrive gets what was kept, so take out only what the handler does without, or feed such records back from their source.
    /// </summary>
    /// <value><see langword="null"/> (the default) to keep everything.</value>
    public Func<FailurePayload, ReadOnlyMemory<byte>>? Redact { get; set; }

    internal PayloadOptions Copy() => (PayloadOptions)MemberwiseClone();

    internal void Validate(OptionsProblems problems, string prefix)
    {
        problems.Require(Serializer is not null, $"{prefix}{nameof(Serializer)}", null, "set");
        problems.Require(MaxBytes is >= 0 and <= 64 << 20, $"{prefix}{nameof(MaxBytes)}", MaxBytes, "from 0 to 67108864");
    }
}
