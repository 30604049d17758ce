using System.Security.Cryptography;
using System.Text;

namespace PipelineOps;

/// <summary>Makes a short, stable name of a set of lines, whatever their order.</summary>
internal static class SchemaFingerprint
{
    private const int Bytes = 8;

    public static string Of(IEnumerable<string> lines) =>
        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines.Order(StringComparer.Ordinal)))).AsSpan(0, Bytes)).ToLowerInvariant();

    /// <summary>With its length before it, so that no text can pass for two.</summary>
    public static string Quote(string text) => $"{text.Length}:{text}";
}
