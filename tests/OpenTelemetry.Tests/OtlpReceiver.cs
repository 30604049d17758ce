using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Exporter;

namespace PipelineOps.OpenTelemetry.Tests;

/// <summary>A collector on a free port of loopback, for OTLP over HTTP.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<OtlpSpan> _spans = new();
    private readonly ConcurrentQueue<OtlpPoint> _points = new();
    private int _requests;

    private OtlpReceiver()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        Receive("/v1/traces", OtlpRequest.Spans, _spans);
        Receive("/v1/metrics", OtlpRequest.Points, _points);
    }

    /// <summary>What to answer; OK unless a test says otherwise.</summary>
    public int StatusCode { get; set; } = StatusCodes.Status200OK;

    public int Requests => _requests;

    /// <summary>Where to send to, without the signal's path.</summary>
    public string Address => _app.Urls.Single();

    public IReadOnlyCollection<OtlpSpan> Spans => _spans;

    /// <summary>The points of every export, one after the other.</summary>
    public IReadOnlyCollection<OtlpPoint> Points => _points;

    public static async Task<OtlpReceiver> StartAsync()
    {
        var receiver = new OtlpReceiver();
        await receiver._app.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }

    public void ReceiveTraces(OtlpExporterOptions options) => Configure(options, "/v1/traces");

    public void ReceiveMetrics(OtlpExporterOptions options) => Configure(options, "/v1/metrics");

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private void Configure(OtlpExporterOptions options, string path)
    {
        options.Protocol = OtlpExportProtocol.HttpProtobuf;
        options.Endpoint = new Uri(Address + path);
        // Past any proxy of the machine.
        options.HttpClientFactory = static () => new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(20) };
    }

    private void Receive<T>(string path, Func<byte[], IEnumerable<T>> read, ConcurrentQueue<T> into) => _app.MapPost(path, async (HttpContext context) =>
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        foreach (T item in read(body.ToArray()))
            into.Enqueue(item);

        Interlocked.Increment(ref _requests);
        context.Response.StatusCode = StatusCode;
        context.Response.ContentType = "application/x-protobuf";
    });
}
