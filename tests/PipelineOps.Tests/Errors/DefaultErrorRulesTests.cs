using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Errors;

/// <summary>Holds the default rules against docs/errors.md, both ways: what it lists, and that what it does not list is unknown.</summary>
public sealed class DefaultErrorRulesTests
{
    private static readonly ImmutableArray<Type> ExceptionTypes = [.. LoadExceptionTypes()];

    private static readonly ImmutableDictionary<string, string> CategoryByType = ErrorsPage.Table("Exception")
        .SelectMany(row => ErrorsPage.Names(row[0]).Select(name => (name, category: row[1])))
        .ToImmutableDictionary(row => row.name, row => row.category);

    [Fact]
    public void Every_listed_type_exists()
    {
        Assert.True(ExceptionTypes.Length > 100);
        Assert.Empty(CategoryByType.Keys.Except(ExceptionTypes.Select(type => type.Name)));
    }

    [Fact]
    public void Every_exception_of_the_framework_counts_as_its_nearest_listed_base_type()
    {
        foreach (Type type in ExceptionTypes.Where(type => !type.IsAbstract && !type.ContainsGenericParameters))
        {
            string listed = NearestListed(type);
            if (listed != "see below" && !type.IsAssignableTo(typeof(AggregateException)))
                AssertMeans(ErrorsPage.Category(listed), (Exception)RuntimeHelpers.GetUninitializedObject(type));
        }
    }

    [Fact]
    public void A_type_of_the_user_counts_as_its_nearest_listed_base_type()
    {
        AssertMeans(ErrorCategory.DataQuality, new OddFormatException());
        AssertMeans(ErrorCategory.Defect, new OddArgumentException());
        AssertMeans(ErrorCategory.Unknown, new OddException());
    }

    [Fact]
    public void Every_listed_error_of_sockets_and_http_exists()
    {
        Assert.All(ErrorsPage.Table("Code").SkipLast(1).SelectMany(row => ErrorsPage.Names(row[0])), name => Enum.Parse<SocketError>(name));
        Assert.All(ErrorsPage.Table("Error").Skip(1).SkipLast(1).SelectMany(row => ErrorsPage.Names(row[0])), name => Enum.Parse<HttpRequestError>(name));
    }

    [Fact]
    public void Every_socket_error_means_what_is_listed()
    {
        foreach (SocketError error in Enum.GetValues<SocketError>())
            AssertMeans(Listed("Code", error.ToString()), new SocketException((int)error));
    }

    [Fact]
    public void Every_http_status_means_what_is_listed()
    {
        for (int status = 0; status < 1000; status++)
        {
            ErrorCategory expected = status switch
            {
                < 400 => ErrorCategory.Unknown,
                < 500 => Listed("Status", Text(status), "any other 4xx"),
                _ => Listed("Status", Text(status), "any other from 500"),
            };
            AssertMeans(expected, new HttpRequestException(HttpRequestError.Unknown, "failed", null, (HttpStatusCode)status));
        }
    }

    [Fact]
    public void A_status_says_more_than_the_kind_of_http_error() =>
        AssertMeans(ErrorCategory.Permanent, new HttpRequestException(HttpRequestError.ProxyTunnelError, "failed", null, HttpStatusCode.ProxyAuthenticationRequired));

    [Fact]
    public void Every_http_error_means_what_is_listed()
    {
        foreach (HttpRequestError error in Enum.GetValues<HttpRequestError>().Except([HttpRequestError.Unknown]))
        {
            AssertMeans(Listed("Error", error.ToString()), new HttpRequestException(error));
            AssertMeans(Listed("Error", error.ToString()), new HttpIOException(error));
        }
    }

    [Fact]
    public void A_failed_handshake_is_transient_only_when_the_connection_broke()
    {
        AssertMeans(ErrorCategory.Transient, new HttpRequestException(HttpRequestError.SecureConnectionError, "TLS", new IOException("unexpected EOF")));
        AssertMeans(ErrorCategory.Permanent, new HttpRequestException(HttpRequestError.SecureConnectionError, "TLS", new AuthenticationException("expired")));
    }

    [Fact]
    public void A_general_http_error_is_judged_by_what_it_wraps()
    {
        AssertMeans(ErrorCategory.Unknown, new HttpRequestException("failed"));
        AssertMeans(ErrorCategory.Resource, new HttpRequestException("failed", new SocketException((int)SocketError.TooManyOpenSockets)));
        AssertMeans(ErrorCategory.Resource, new HttpIOException(HttpRequestError.Unknown, "failed", new SocketException((int)SocketError.TooManyOpenSockets)));
    }

    [Fact]
    public void Every_listed_result_of_an_io_exception_means_what_is_listed()
    {
        foreach (string[] row in ErrorsPage.Table("HResult"))
        {
            foreach (string name in ErrorsPage.Names(row[0]))
                AssertMeans(ErrorsPage.Category(row[1]), new IOException("failed", HResult(name)));
        }
    }

    [Fact]
    public void Every_other_result_of_an_io_exception_leaves_it_to_what_it_wraps()
    {
        int[] listed = [.. ErrorsPage.Table("HResult").SelectMany(row => ErrorsPage.Names(row[0])).Select(HResult)];

        foreach (int result in Enumerable.Range(0, 256).SelectMany(code => new[] { code, unchecked((int)0x80070000) + code }).Except(listed))
        {
            AssertMeans(ErrorCategory.Unknown, new IOException("failed", result));
            AssertMeans(ErrorCategory.Transient, new IOException("failed", new SocketException((int)SocketError.ConnectionReset)) { HResult = result });
        }
    }

    [Fact]
    public void Every_listed_sql_state_means_what_is_listed_whatever_the_provider_says()
    {
        foreach (string[] row in ErrorsPage.Table("SQLSTATE"))
        {
            foreach (string state in ErrorsPage.Names(row[0]).Select(name => name.Replace("*", "0ZZ", StringComparison.Ordinal)))
            {
                AssertMeans(ErrorsPage.Category(row[1]), new FakeDbException(state));
                AssertMeans(ErrorsPage.Category(row[1]), new FakeDbException(state, isTransient: true, new FormatException()));
            }
        }
    }

    [Fact]
    public void Any_other_sql_state_leaves_it_to_the_provider_and_then_to_what_it_wraps()
    {
        string[] listed = [.. ErrorsPage.Table("SQLSTATE").SelectMany(row => ErrorsPage.Names(row[0])).Select(name => name.TrimEnd('*'))];
        Gen<string?> states = Gen.Elements("0123456789ABCDEFHIKPSVXYZ".ToCharArray()).ArrayOf(5).Select(string? (letters) => new string(letters))
            .Where(state => !listed.Any(name => state!.StartsWith(name, StringComparison.Ordinal)));
        Gen<string?> odd = Gen.Elements<string?>(null, "", "0", "2", "4", "HY000", "00000", "日本語");

        Prop.ForAll(Gen.OneOf(states, odd).ToArbitrary(), state =>
        {
            AssertMeans(ErrorCategory.Unknown, new FakeDbException(state));
            AssertMeans(ErrorCategory.Transient, new FakeDbException(state, isTransient: true, new FormatException()));
            AssertMeans(ErrorCategory.DataQuality, new FakeDbException(state, isTransient: false, new FormatException()));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_provider_that_throws_when_asked_leaves_it_to_what_is_wrapped() =>
        AssertMeans(ErrorCategory.DataQuality, new BrokenDbException(new FormatException()));

    [Fact]
    public void A_full_disk_is_a_resource_that_ran_out()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "No such device here.");

        AssertMeans(ErrorCategory.Resource, Assert.ThrowsAny<IOException>(() => File.WriteAllText("/dev/full", "x")));
    }

    [Fact]
    public void A_file_in_use_is_transient()
    {
        string path = Path.GetTempFileName();
        try
        {
            using FileStream first = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);

            AssertMeans(ErrorCategory.Transient, Assert.ThrowsAny<IOException>(() => File.ReadAllText(path)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_missing_file_or_directory_is_permanent()
    {
        string missing = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));

        AssertMeans(ErrorCategory.Permanent, Assert.Throws<FileNotFoundException>(() => File.ReadAllText(missing)));
        AssertMeans(ErrorCategory.Permanent, Assert.Throws<DirectoryNotFoundException>(() => File.ReadAllText(Path.Combine(missing, "file"))));
    }

    [Fact]
    public void A_directory_opened_as_a_file_is_permanent() =>
        AssertMeans(ErrorCategory.Permanent, Assert.Throws<UnauthorizedAccessException>(() => File.ReadAllText(Path.GetTempPath())));

    [Fact]
    public void A_name_made_from_a_record_that_is_too_long_is_the_records_fault()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows reports another error.");

        AssertMeans(ErrorCategory.DataQuality, Assert.Throws<PathTooLongException>(() => File.ReadAllText(Path.Combine(Path.GetTempPath(), new string('a', 300)))));
    }

    [Fact]
    public async Task A_refused_connection_is_transient()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound, so nobody else listens there, but not listening
        using var client = new HttpClient();

        AssertMeans(ErrorCategory.Transient, await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri($"http://{listener.LocalEndPoint}"), TestContext.Current.CancellationToken)));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        AssertMeans(ErrorCategory.Transient, Assert.Throws<SocketException>(() => socket.Connect(listener.LocalEndPoint!)));
    }

    [Fact]
    public async Task A_connection_cut_within_a_response_is_transient()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task server = CutAsync(listener);
        using var client = new HttpClient();

        AssertMeans(ErrorCategory.Transient, await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(new Uri($"http://{listener.LocalEndpoint}"), TestContext.Current.CancellationToken)));
        await server;

        static async Task CutAsync(TcpListener listener)
        {
            using TcpClient peer = await listener.AcceptTcpClientAsync();
            NetworkStream stream = peer.GetStream();
            _ = await stream.ReadAsync(new byte[4096]);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"u8.ToArray());
        }
    }

    [Fact]
    public async Task The_timeout_of_an_http_client_is_transient()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new HttpClient { Timeout = TimeSpan.FromMilliseconds(20) };

        var exception = await Assert.ThrowsAsync<TaskCanceledException>(() => client.GetAsync(new Uri($"http://{listener.LocalEndpoint}"), TestContext.Current.CancellationToken));

        Assert.IsType<TimeoutException>(exception.InnerException);
        AssertMeans(ErrorCategory.Transient, exception);
    }

    [Fact]
    public void What_parsers_throw_is_the_records_fault()
    {
        AssertMeans(ErrorCategory.DataQuality, Assert.ThrowsAny<JsonException>(() => JsonSerializer.Deserialize<int>("{")));
        AssertMeans(ErrorCategory.DataQuality, Assert.Throws<FormatException>(() => int.Parse("x", CultureInfo.InvariantCulture)));
        AssertMeans(ErrorCategory.DataQuality, Assert.Throws<OverflowException>(() => int.Parse("99999999999", CultureInfo.InvariantCulture)));
        AssertMeans(ErrorCategory.DataQuality, Assert.Throws<UriFormatException>(() => new Uri("http://[")));
        AssertMeans(ErrorCategory.DataQuality, Assert.Throws<System.Xml.XmlException>(() => XDocument.Parse("<a>")));
        AssertMeans(ErrorCategory.DataQuality, Assert.Throws<DecoderFallbackException>(() => new UTF8Encoding(false, true).GetString([0xFF])));
        AssertMeans(ErrorCategory.DataQuality, Assert.Throws<EndOfStreamException>(() => new BinaryReader(new MemoryStream()).ReadInt32()));
        AssertMeans(ErrorCategory.Schema, Assert.Throws<KeyNotFoundException>(() => JsonDocument.Parse("{}").RootElement.GetProperty("id")));
    }

    [Fact]
    public void A_rejection_by_a_nested_stage_keeps_its_delay()
    {
        Assert.Equal(
            ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(3) },
            ErrorClassifier.Default.Classify(new AggregateException(new CircuitOpenException("orders", "load", TimeSpan.FromSeconds(3)))));
        Assert.Equal(
            ErrorClassification.Throttled,
            ErrorClassifier.Default.Classify(new ConcurrencyLimitException("orders", "load", 1, 0)));
    }

    [Fact]
    public void A_timeout_of_a_nested_stage_is_transient_whatever_failed_before() =>
        AssertMeans(ErrorCategory.Transient, new StageTimeoutException("orders", "load", StageTimeoutKind.Total, TimeSpan.FromSeconds(1), new FormatException()));

    // Also holds when wrapped: by something unknown, by something transparent, and in a branch of an aggregate.
    private static void AssertMeans(ErrorCategory expected, Exception exception)
    {
        Exception[] forms =
        [
            exception,
            new InvalidOperationException("outer", exception),
            new TargetInvocationException(exception),
            new TypeInitializationException("Type", exception),
            new AggregateException(exception),
            new AggregateException(new OperationCanceledException(), new AggregateException(new OddException("outer", exception))),
        ];

        // The caller's token makes the other branch of the last form Low; it decides on nothing but a cancellation.
        CancellationToken callerToken = exception is OperationCanceledException ? default : new(canceled: true);
        foreach (Exception form in forms)
        {
            ErrorClassification actual = ErrorClassifier.Default.Classify(form, callerToken);
            Assert.True(actual.Category == expected, $"{exception.GetType()} in {form.GetType()}: expected {expected}, is {actual.Category}.");
        }
    }

    private static ErrorCategory Listed(string table, string name, string otherwise = "any other")
    {
        IReadOnlyList<string[]> rows = ErrorsPage.Table(table);
        string[] row = rows.SingleOrDefault(row => row[0].Split(", ").Any(listed => listed.Trim('`') == name))
            ?? rows.Single(row => row[0] == otherwise);
        return ErrorsPage.Category(row[1]);
    }

    private static string NearestListed(Type type)
    {
        for (Type? listed = type; listed is not null; listed = listed.BaseType)
        {
            if (CategoryByType.TryGetValue(listed.Name, out string? category))
                return category;
        }

        return nameof(ErrorCategory.Unknown);
    }

    private static IEnumerable<Type> LoadExceptionTypes() =>
        Directory.EnumerateFiles(RuntimeEnvironment.GetRuntimeDirectory(), "System*.dll")
            .Select(path => Assembly.Load(Path.GetFileNameWithoutExtension(path)))
            .Append(typeof(ErrorClassifier).Assembly)
            .SelectMany(assembly => assembly.GetExportedTypes())
            .Where(type => type.IsAssignableTo(typeof(Exception)));

    private static int HResult(string name) => name.StartsWith("0x", StringComparison.Ordinal)
        ? unchecked((int)uint.Parse(name.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
        : int.Parse(name, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed class OddFormatException : FormatException;

    private sealed class OddArgumentException : ArgumentOutOfRangeException;

    private sealed class OddException(string message = "odd", Exception? inner = null) : Exception(message, inner);

    private sealed class BrokenDbException(Exception inner) : DbException("broken", inner)
    {
        public override string? SqlState => throw new InvalidOperationException();
    }
}
