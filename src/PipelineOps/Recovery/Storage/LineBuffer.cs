using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace PipelineOps;

/// <summary>Lines of a store's file in the making, in pooled memory.</summary>
internal sealed class LineBuffer : IBufferWriter<byte>, IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(2048);

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Slice(int offset, int length) => _bytes.AsMemory(offset, length);

    /// <summary>Adds the line of a failure.</summary>
    /// <returns>The line's length, its end included.</returns>
    public int AddFailure(FailureRecord failure)
    {
        int start = BeginLine();
        Write(LogLine.FailureMembers);
        FailureJson.Serialize(failure, this);
        Write("}"u8);
        return EndLine(start);
    }

    public int AddSegment(int number, DateTimeOffset begun) => Add("segment"u8, (number, begun), static (writer, header) =>
    {
        writer.WriteNumber("format"u8, 1);
        writer.WriteNumber("number"u8, header.number);
        writer.WriteString("begun"u8, header.begun.UtcDateTime);
    });

    public int AddClaim(Guid id, string owner, DateTimeOffset until) => Add("claim"u8, (id, owner, until), WriteClaim);

    public int AddRelease(Guid id, string owner, DateTimeOffset until) => Add("release"u8, (id, owner, until), WriteClaim);

    public int AddResolution(Guid id, FailureResolution resolution) => Add("resolution"u8, (id, resolution), static (writer, entry) =>
    {
        writer.WriteString("id"u8, entry.id);
        writer.WriteString("status"u8, entry.resolution.Status == FailureStatus.Redriven ? "redriven"u8 : "discarded"u8);
        writer.WriteString("actor"u8, entry.resolution.Actor);
        if (entry.resolution.Reason is { } reason)
            writer.WriteString("reason"u8, reason);
        writer.WriteString("time"u8, entry.resolution.Time.UtcDateTime);
    });

    public int AddDecision(Guid id, FailureDecision decision) => Add("decision"u8, (id, decision), static (writer, entry) =>
    {
        writer.WriteString("id"u8, entry.id);
        writer.WriteString("decision"u8, entry.decision.Kind switch
        {
            FailureDecisionKind.Approve => "approve"u8,
            FailureDecisionKind.Retry => "retry"u8,
            _ => "skip"u8,
        });
        writer.WriteString("actor"u8, entry.decision.Actor);
        writer.WriteString("reason"u8, entry.decision.Reason);
        writer.WriteString("time"u8, entry.decision.Time.UtcDateTime);
    });

    public int AddPurge(Guid id) => Add("purge"u8, id, static (writer, id) => writer.WriteString("id"u8, id));

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 256));
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public void Dispose()
    {
        byte[] bytes = _bytes;
        _bytes = [];
        Length = 0;
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private static void WriteClaim(Utf8JsonWriter writer, (Guid Id, string Owner, DateTimeOffset Until) claim)
    {
        writer.WriteString("id"u8, claim.Id);
        writer.WriteString("owner"u8, claim.Owner);
        writer.WriteString("until"u8, claim.Until.UtcDateTime);
    }

    private int Add<T>(ReadOnlySpan<byte> kind, T entry, Action<Utf8JsonWriter, T> write)
    {
        int start = BeginLine();
        int members = Length;
        using (var writer = new Utf8JsonWriter(this, FailureJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("kind"u8, kind);
            write(writer, entry);
            writer.WriteEndObject();
        }

        // The members go on after the checksum in the same object.
        _bytes[members] = (byte)',';
        return EndLine(start);
    }

    private int BeginLine()
    {
        int start = Length;
        Write(LogLine.Start);
        Write("00000000\""u8);
        return start;
    }

    private int EndLine(int start)
    {
        uint crc = Checksum.Of(_bytes.AsSpan(start + LogLine.Head, Length - start - LogLine.Head));
        crc.TryFormat(_bytes.AsSpan(start + LogLine.Start.Length), out _, "x8", CultureInfo.InvariantCulture);
        Write("\n"u8);
        return Length - start;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - Length >= count)
            return;

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(checked(Length + count), (int)Math.Min(2L * _bytes.Length, Array.MaxLength)));
        _bytes.AsSpan(0, Length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
