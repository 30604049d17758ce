using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PipelineOps;

/// <summary>Failures as JSON: one object a line, which people, <c>jq</c> and log collectors read.</summary>
/// <remarks>
/// Members are named as the properties of <see cref="FailureRecord"/>, in camel case, and so are the values of enums. What is <see langword="null"/> or
/// empty is left out. Times are ISO 8601 in UTC; delays are <c>[d.]hh:mm:ss[.fffffff]</c>. A payload's content is <c>text</c> if it is UTF-8 without control
/// characters other than tab, carriage return and line feed, otherwise <c>base64</c>. A half of a surrogate pair, which no UTF-8 can hold, is written
/// as U+FFFD.
/// </remarks>
public static class FailureJson
{
    // The default would escape every character that is not ASCII, and some that are, for the sake of JSON within HTML.
    internal static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonTypeInfo<FailureRecord> FailureInfo = FailureJsonContext.MakeFailureInfo();

    /// <summary>Writes a failure as one line of UTF-8 JSON, without the line's end.</summary>
    /// <param name="failure">The failure.</param>
    public static byte[] Serialize(FailureRecord failure)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        Serialize(failure, output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Writes a failure as one line of UTF-8 JSON, without the line's end.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="output">Where to.</param>
    public static void Serialize(FailureRecord failure, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var writer = new Utf8JsonWriter(output, WriterOptions);
        Write(writer, failure);
    }

    /// <summary>
    /// Reads a failure. Members that it does not know, as a later version may write, are ignored; those that may be left out get their defaults.
    /// </summary>
    /// <param name="json">The JSON, in UTF-8.</param>
    /// <exception cref="JsonException">The text is not a failure; the message names what is missing or wrong.</exception>
    public static FailureRecord Deserialize(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        FailureRecord failure = Read(ref reader);
        return reader.Read() ? throw new JsonException("There is more than one failure in the text.") : failure;
    }

    internal static void Write(Utf8JsonWriter writer, FailureRecord failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        JsonSerializer.Serialize(writer, failure, FailureInfo);
    }

    internal static FailureRecord Read(ref Utf8JsonReader reader)
    {
        FailureRecord failure = JsonSerializer.Deserialize(ref reader, FailureInfo) ?? throw new JsonException("A failure must be an object, not null.");
        Require(failure.Fingerprint, "fingerprint");
        Require(failure.Pipeline, "pipeline");
        Require(failure.Stage, "stage");
        Require(failure.Host, "host");
        Require(failure.Process, "process");

        // Left out, they are null: the generated code does not run the initialisers of init-only properties.
        failure = failure with
        {
            Exceptions = failure.Exceptions ?? [],
            Attempts = failure.Attempts ?? [],
            Headers = failure.Headers ?? new Dictionary<string, string>(),
        };
        foreach (FailureCause cause in failure.Exceptions)
        {
            Require(cause?.Type, "exceptions[].type");
            Require(cause?.Message, "exceptions[].message");
        }

        foreach (FailureAttempt attempt in failure.Attempts)
            Require(attempt?.ErrorType, "attempts[].errorType");

        foreach (string value in failure.Headers.Values)
            Require(value, "headers[]");

        return failure;
    }

    private static void Require(string? value, string path)
    {
        if (value is null)
            throw new JsonException($"A failure's '{path}' must not be null.", path, null, null);
    }
}
