using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ApiDocs.Enrichment;

/// <summary>A catalog of types over HTTP on loopback, as unreliable as real ones are.</summary>
/// <remarks>
/// It is flaky and yet every run ends with the same totals:
/// <list type="number">
/// <item>Which types fail for good is a pure function of their name (<see cref="Fates.Of"/>); so is how often a type's requests fail in passing, at most
/// twice.</item>
/// <item>The outage hits whatever happens to be asked for while it lasts, but no type more than <see cref="MaxOutageFaults"/> times.</item>
/// <item>So a type that does not fail for good meets at most <see cref="MaxPassingFaults"/> faults, fewer than the retries that the enrich stage is
/// allowed, and it succeeds in every interleaving. The difference is room for faults that the machine adds, such as a pause that outlasts
/// an attempt's timeout.</item>
/// <item>An open circuit rejects nobody, since the stage waits for it, and the total timeout is many times the outage.</item>
/// </list>
/// </remarks>
internal sealed class FlakyCatalogService : IAsyncDisposable
{
    /// <summary>Faults that a type meets at most, unless it fails for good.</summary>
    public const int MaxPassingFaults = 2 + MaxOutageFaults;

    private const int MaxOutageFaults = 8;
    private static readonly TimeSpan OutageLength = TimeSpan.FromSeconds(2.5);

    private readonly ConcurrentDictionary<string, int> _passingFaults = new();
    private readonly ConcurrentDictionary<string, int> _outageFaults = new();
    private readonly int _outageAfterRequests;
    private readonly bool _isRepaired;
    private readonly WebApplication _server;
    private int _requests;
    private long _outageStart;

    private FlakyCatalogService(int outageAfterRequests, bool isRepaired)
    {
        _outageAfterRequests = outageAfterRequests;
        _isRepaired = isRepaired;

        // Empty: no configuration, no logging, nothing of the surroundings can change how it behaves.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _server = builder.Build();
        _server.Run(AnswerAsync);
    }

    public Uri Address => new(_server.Urls.First());

    /// <param name="outageAfterRequests">After how many requests the one outage begins.</param>
    /// <param name="isRepaired">Whether it answers for the types that are broken otherwise.</param>
    public static async Task<FlakyCatalogService> StartAsync(int outageAfterRequests, bool isRepaired = false)
    {
        var service = new FlakyCatalogService(outageAfterRequests, isRepaired);
        await service._server.StartAsync();
        return service;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        string type = context.Request.Path.Value!.TrimStart('/');
        Fate fate = Fates.Of(type);

        if (IsDown() && Meets(_outageFaults, type, MaxOutageFaults))
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        else if (fate == Fate.Broken && !_isRepaired)
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        else if (fate == Fate.Refused)
            context.Response.StatusCode = StatusCodes.Status422UnprocessableEntity;
        else if (fate is Fate.Busy or Fate.Reset or Fate.ResetTwice or Fate.Slow && Meets(_passingFaults, type, fate == Fate.ResetTwice ? 2 : 1))
            await FailInPassingAsync(context, fate);
        else
            await DescribeAsync(context, type);
    }

    private bool IsDown()
    {
        if (Interlocked.Increment(ref _requests) == _outageAfterRequests)
            Volatile.Write(ref _outageStart, Stopwatch.GetTimestamp());
        return Volatile.Read(ref _outageStart) is not 0 and var start && Stopwatch.GetElapsedTime(start) < OutageLength;
    }

    private static bool Meets(ConcurrentDictionary<string, int> faults, string type, int most) =>
        faults.AddOrUpdate(type, 1, static (_, count) => count + 1) <= most;

    private static async Task FailInPassingAsync(HttpContext context, Fate fate)
    {
        switch (fate)
        {
            case Fate.Busy:
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                context.Response.Headers.RetryAfter = "1";
                break;
            case Fate.Slow:
                // Until the caller hangs up, which is what its timeout does.
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                break;
            default:
                // A part of the answer first: HttpClient silently repeats a request that a kept-alive connection drops before the first byte.
                context.Response.ContentLength = 100;
                await context.Response.WriteAsync("{");
                await context.Response.Body.FlushAsync();
                context.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket.LingerState = new LingerOption(true, 0);
                context.Abort();
                break;
        }
    }

    private static Task DescribeAsync(HttpContext context, string type)
    {
        var entry = new CatalogEntry(
            Area: type.Split('.')[0],
            Url: $"https://learn.microsoft.com/dotnet/api/{type.Replace('`', '-').ToLowerInvariant()}");
        return JsonSerializer.SerializeAsync(context.Response.Body, entry, CatalogJson.Default.CatalogEntry);
    }
}
