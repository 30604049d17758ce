using Google.Protobuf;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>A message of protocol buffers as its fields by number, read without generated code. A number that is a group of bits is one of 64.</summary>
internal sealed class OtlpFields
{
    private readonly ILookup<int, object> _values;

    public OtlpFields(byte[] message) => _values = Read(message).ToLookup(static field => field.Number, static field => field.Value);

    public bool Has(int field) => _values.Contains(field);

    public IEnumerable<OtlpFields> Messages(int field) => _values[field].Select(static value => new OtlpFields(((ByteString)value).ToByteArray()));

    public OtlpFields? Message(int field) => Messages(field).FirstOrDefault();

    public string Text(int field) => _values[field].FirstOrDefault() is ByteString text ? text.ToStringUtf8() : string.Empty;

    public string Hex(int field) => _values[field].FirstOrDefault() is ByteString bytes ? Convert.ToHexStringLower(bytes.Span) : string.Empty;

    /// <summary>An unsigned or signed whole number; 0 where it is left out.</summary>
    public long Number(int field) => _values[field].FirstOrDefault() is ulong bits ? (long)bits : 0;

    public double Double(int field) => BitConverter.Int64BitsToDouble(Number(field));

    /// <summary>Whole numbers that are packed into one field, at 8 bytes each.</summary>
    public IReadOnlyList<long> PackedNumbers(int field)
    {
        List<long> numbers = [];
        foreach (ByteString packed in _values[field].OfType<ByteString>())
        {
            for (int i = 0; i < packed.Length; i += sizeof(long))
                numbers.Add(BitConverter.ToInt64(packed.Span[i..]));
        }

        return numbers;
    }

    public IReadOnlyList<double> PackedDoubles(int field) => [.. PackedNumbers(field).Select(BitConverter.Int64BitsToDouble)];

    private static IEnumerable<(int Number, object Value)> Read(byte[] message)
    {
        using var input = new CodedInputStream(message);
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            object value = WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.LengthDelimited => input.ReadBytes(),
                WireFormat.WireType.Varint => input.ReadUInt64(),
                WireFormat.WireType.Fixed64 => input.ReadFixed64(),
                WireFormat.WireType.Fixed32 => (ulong)input.ReadFixed32(),
                WireFormat.WireType type => throw new InvalidDataException($"OTLP has no fields of wire type {type}."),
            };
            yield return (WireFormat.GetTagFieldNumber(tag), value);
        }
    }
}
