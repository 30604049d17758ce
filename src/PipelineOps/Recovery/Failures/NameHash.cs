using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace PipelineOps;

/// <summary>Makes one hash of several parts. Each goes in with its length, so that no two lists of parts read the same.</summary>
internal readonly struct NameHash()
{
    private readonly ArrayBufferWriter<byte> _parts = new(256);

    public void Add(string? part)
    {
        if (part is null)
            AddLength(-1);
        else
            Add(Encoding.UTF8.GetBytes(part));
    }

    public void Add(ReadOnlySpan<byte> part)
    {
        AddLength(part.Length);
        _parts.Write(part);
    }

    public byte[] ToSha256() => SHA256.HashData(_parts.WrittenSpan);

    private void AddLength(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(_parts.GetSpan(sizeof(int)), length);
        _parts.Advance(sizeof(int));
    }
}
