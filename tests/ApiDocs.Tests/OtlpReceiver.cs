using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ApiDocs.Tests;

/// <summary>Takes what exporters post, on loopback.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly ConcurrentQueue<(string Path, byte[] Body)> _posts = [];
    private readonly WebApplication _server;

    private OtlpReceiver(int status)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _server = builder.Build();
        _server.Run(async context =>
        {
            if (status == 0)
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            _posts.Enqueue((context.Request.Path.Value!, body.ToArray()));
            context.Response.StatusCode = status;
        });
    }

    public string Address => _server.Urls.First();

    public IEnumerable<string> Paths => _posts.Select(static post => post.Path);

    /// <param name="status">What it answers; 0 for nothing, however long one waits.</param>
    public static async Task<OtlpReceiver> StartAsync(int status = StatusCodes.Status200OK)
    {
        var receiver = new OtlpReceiver(status);
        await receiver._server.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }

    /// <summary>How many posts to a path have a text in them.</summary>
    public int Count(string path, ReadOnlySpan<byte> text)
    {
        int count = 0;
        foreach ((string posted, byte[] body) in _posts)
        {
            if (posted == path && body.AsSpan().IndexOf(text) >= 0)
                count++;
        }

        return count;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
