using System.Text.Json.Serialization;

namespace ApiDocs.Loading;

/// <summary>A line of the index. Tens of thousands of ids occur in more than one file, so the file is a part of the key.</summary>
internal sealed record IndexLine(string Id, string Type, string File, string Summary, int Parameters, string Area, string Url);

/// <summary>A line of the files that keep what failed.</summary>
/// <param name="Id">The member, or <see langword="null"/> for the unreadable rest of a file.</param>
/// <param name="File">Where it was read.</param>
/// <param name="Stage">The stage that gave it up.</param>
/// <param name="Reason">Why, in a few words.</param>
/// <param name="Detail">What exactly.</param>
internal sealed record FailureLine(string? Id, string File, string Stage, string Reason, string Detail);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IndexLine))]
[JsonSerializable(typeof(FailureLine))]
internal sealed partial class JsonLines : JsonSerializerContext;
