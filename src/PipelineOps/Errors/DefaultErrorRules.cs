using System.ComponentModel.DataAnnotations;
using System.Data.Common;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Serialization;
using System.Security;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Schema;
using static PipelineOps.ErrorClassification;

namespace PipelineOps;

/// <summary>What the exceptions of .NET itself mean. docs/errors.md lists every rule, and a test compares the two.</summary>
/// <remarks>
/// A null answer passes the exception through to what it wraps: so it is for wrappers such as <see cref="AggregateException"/>, and for
/// general types such as <see cref="IOException"/> and <see cref="InvalidOperationException"/>, which say nothing by themselves.
/// </remarks>
internal static class DefaultErrorRules
{
    public static ErrorClassification? Classify(Exception exception) => exception switch
    {
        // A stage within the delegate says itself how long to wait.
        StageRejectedException rejected => Throttled with { RetryAfter = rejected.RetryAfter },
        StageTimeoutException => Transient,
        InvalidOptionsException => Permanent,

        // Not the caller's token, or the classifier would have answered: a deadline within the delegate, such as HttpClient.Timeout.
        OperationCanceledException => Transient,

        HttpRequestException { StatusCode: { } status } => OfHttpStatus(status),
        HttpRequestException http => OfHttpError(http.HttpRequestError, http.InnerException),
        HttpIOException http => OfHttpError(http.HttpRequestError, http.InnerException),
        SocketException socket => OfSocketError(socket.SocketErrorCode),
        DbException db => OfSqlState(db.SqlState) ?? (db.IsTransient ? Transient : null),

        // The pattern met input that it cannot cope with, and will again.
        RegexMatchTimeoutException => DataQuality,
        TimeoutException => Transient,

        // Readers of payloads throw it for a truncated record; clients of a connection report a cut one as their own exception.
        EndOfStreamException => DataQuality,
        PathTooLongException => DataQuality,
        FileNotFoundException or DirectoryNotFoundException or DriveNotFoundException => Permanent,
        FileLoadException or BadImageFormatException or DllNotFoundException => Permanent,
        IOException io => OfHResult(io.HResult),

        AuthenticationException or UnauthorizedAccessException or SecurityException => Permanent,

        OutOfMemoryException => Resource,

        FormatException or OverflowException or InvalidDataException => DataQuality,
        JsonException or XmlException or XmlSchemaException or SerializationException => DataQuality,
        ValidationException => DataQuality,
        DecoderFallbackException or EncoderFallbackException => DataQuality,

        // JsonElement.GetProperty and dictionaries keyed by field name throw it for a missing field.
        KeyNotFoundException => Schema,

        NullReferenceException or InvalidCastException or IndexOutOfRangeException or ArgumentException => Defect,
        NotImplementedException or NotSupportedException or UnreachableException => Defect,
        DivideByZeroException or ObjectDisposedException or InsufficientExecutionStackException => Defect,

        _ => null,
    };

    public static ErrorClassification? OfHttpStatus(HttpStatusCode status) => (int)status switch
    {
        < 400 => null,
        429 => Throttled,
        408 or 409 or 421 or 423 or 424 or 425 => Transient,
        413 or 414 or 507 => Resource,
        401 or 402 or 403 or 405 or 406 or 407 or 415 or 426 or 501 or 505 or 511 => Permanent,

        // RFC 9110, section 15: an unknown status is treated as x00 of its class, and one beyond 599 as a 5xx.
        < 500 => DataQuality,
        _ => Transient,
    };

    private static ErrorClassification? OfHttpError(HttpRequestError error, Exception? inner) => error switch
    {
        HttpRequestError.Unknown => null,

        // The handshake failed because the connection did, not because of a certificate.
        HttpRequestError.SecureConnectionError when inner is IOException => Transient,
        HttpRequestError.SecureConnectionError or HttpRequestError.UserAuthenticationError => Permanent,
        HttpRequestError.VersionNegotiationError or HttpRequestError.ExtendedConnectNotSupported => Permanent,
        HttpRequestError.ConfigurationLimitExceeded => Resource,
        _ => Transient,
    };

    private static ErrorClassification OfSocketError(SocketError error) => error switch
    {
        SocketError.AccessDenied => Permanent,
        SocketError.AddressFamilyNotSupported or SocketError.ProtocolFamilyNotSupported or SocketError.ProtocolNotSupported => Permanent,
        SocketError.ProtocolOption or SocketError.ProtocolType or SocketError.SocketNotSupported => Permanent,
        SocketError.OperationNotSupported or SocketError.VersionNotSupported => Permanent,

        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable or SocketError.ProcessLimit => Resource,
        SocketError.MessageSize => Resource,

        SocketError.Fault or SocketError.InvalidArgument or SocketError.NotSocket => Defect,
        SocketError.DestinationAddressRequired or SocketError.IsConnected or SocketError.NotInitialized => Defect,

        // HostNotFound and NoData too: a service that moves or restarts has no address for a while, and DNS cannot tell that from never.
        _ => Transient,
    };

    // Windows gives an HRESULT made from the Win32 error, Unix the bare errno.
    private static ErrorClassification? OfHResult(int result) => unchecked((uint)result) switch
    {
        0x80070070 or 0x80070027 or 28 => Resource, // ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL, ENOSPC
        0x8007050F or 69 or 122 => Resource, // ERROR_DISK_QUOTA_EXCEEDED, EDQUOT of macOS and of Linux
        0x80070004 or 23 or 24 => Resource, // ERROR_TOO_MANY_OPEN_FILES, ENFILE, EMFILE
        0x80070020 or 0x80070021 or 11 or 35 => Transient, // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, EAGAIN of Linux and of macOS
        _ => null,
    };

    private static ErrorClassification? OfSqlState(string? state) => state switch
    {
        // As many connections are needed for a smaller batch, so the server wants fewer calls.
        "53300" => Throttled,
        "55P03" or "57014" or "57P01" or "57P02" or "57P03" or "57P04" or "57P05" => Transient,
        "42703" or "42P01" or "42704" or "42804" or "3F000" or "42S02" or "42S22" => Schema,
        "42501" or "3D000" => Permanent,
        "42601" => Defect,
        ['0', '8', ..] or ['4', '0', ..] => Transient,
        ['5', '3', ..] or ['5', '4', ..] => Resource,
        ['2', '2', ..] or ['2', '3', ..] => DataQuality,
        ['2', '8', ..] => Permanent,
        _ => null,
    };
}
