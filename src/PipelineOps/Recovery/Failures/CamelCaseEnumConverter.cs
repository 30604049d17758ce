using System.Text.Json;
using System.Text.Json.Serialization;

namespace PipelineOps;

/// <summary>Writes an enum's names as <c>deadLettered</c>; a value without a name, which a rule of the user's can make, as its number.</summary>
internal sealed class CamelCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase)
    where T : struct, Enum;
