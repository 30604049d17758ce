using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace PipelineOps;

/// <summary>Makes the ids of failures: UUIDs as RFC 9562 lays them out, whose bits are random or a hash of what the failure is named by.</summary>
internal static class FailureId
{
    /// <summary>
    /// The failure of a record, the same each time it is read; a new one each time if nothing tells it from other records. Of two failures with one id a store keeps
    /// one, so a key alone does not tell them apart, as customer 7 changes more than once, and a position alone only if it is not that of a whole file: with one of
    /// them only, the time and the bytes that are kept count too.
    /// </summary>
    public static Guid Of(
        string pipeline, string stage, string? key, string? position, DateTimeOffset? timestamp, ReadOnlySpan<byte> content, DateTimeOffset now)
    {
        if (position is null && (key is null || (timestamp is null && content.IsEmpty)))
            return Random(now);

        var name = new NameHash();
        name.Add("record");
        name.Add(pipeline);
        name.Add(stage);
        name.Add(key);
        name.Add(position);
        if (position is null || key is null)
        {
            name.Add(timestamp?.UtcTicks.ToString(CultureInfo.InvariantCulture));
            name.Add(content);
        }

        return Named(name, timestamp);
    }

    /// <summary>The failure of a redrive, the same each time that redrive is done over.</summary>
    public static Guid OfRedrive(FailureRecord parent)
    {
        var name = new NameHash();
        name.Add("redrive");
        name.Add(parent.Id.ToByteArray());
        name.Add((parent.RedriveCount + 1).ToString(CultureInfo.InvariantCulture));
        return Named(name, parent.FirstFailedAt);
    }

    private static Guid Random(DateTimeOffset now)
    {
        Span<byte> bits = stackalloc byte[16];
        RandomNumberGenerator.Fill(bits);
        return Lay(bits, now);
    }

    private static Guid Named(NameHash name, DateTimeOffset? time) => Lay(name.ToSha256().AsSpan(0, 16), time);

    /// <summary>Version 7 with its time; version 8, whose bits mean nothing, where there is no time: one made up would sort wrongly and mislead.</summary>
    private static Guid Lay(Span<byte> bits, DateTimeOffset? time)
    {
        int version = 8;
        if (time?.ToUnixTimeMilliseconds() is >= 0 and var milliseconds)
        {
            version = 7;
            BinaryPrimitives.WriteUInt32BigEndian(bits, (uint)(milliseconds >> 16));
            BinaryPrimitives.WriteUInt16BigEndian(bits[4..], (ushort)milliseconds);
        }

        bits[6] = (byte)((version << 4) | (bits[6] & 0x0F));
        bits[8] = (byte)(0x80 | (bits[8] & 0x3F));
        return new Guid(bits, bigEndian: true);
    }
}
