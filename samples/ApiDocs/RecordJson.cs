using System.Text.Json.Serialization;
using ApiDocs.Loading;
using ApiDocs.Reading;

namespace ApiDocs;

/// <summary>Writes records into the failure store and the index, and reads them for a redrive.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(DocumentationFile))]
[JsonSerializable(typeof(MemberRecord))]
[JsonSerializable(typeof(IndexEntry))]
internal sealed partial class RecordJson : JsonSerializerContext;
