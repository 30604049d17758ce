using System.Buffers.Binary;
using System.Numerics;

namespace PipelineOps;

/// <summary>CRC-32C (Castagnoli, as in RFC 3720), which processors compute eight bytes at a time.</summary>
internal static class Checksum
{
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte rest in bytes)
            crc = BitOperations.Crc32C(crc, rest);

        return ~crc;
    }
}
