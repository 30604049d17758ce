using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ApiDocs.Tests;

public sealed class OtlpTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public async Task A_job_sends_its_traces_metrics_and_logs_under_its_name_and_can_be_traced_besides()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        _workspace.WriteTypes("sent.xml", 5);

        Workspace.Run run = await _workspace.IngestAsync("--otlp", receiver.Address, "--trace", "T:sent.xml.Type1");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Empty(run.Errors);
        Assert.Contains(run.Output, static line => line.Contains("apidocs/load  5 records", StringComparison.Ordinal));
        Assert.Equal(["/v1/logs", "/v1/metrics", "/v1/traces"], receiver.Paths.Distinct().Order());
        Assert.All(["/v1/logs", "/v1/metrics", "/v1/traces"], path => Assert.True(HasName(receiver, path)));
        Assert.True(receiver.Count("/v1/traces", "M:sent.xml.Type4.Run"u8) > 0);
        Assert.True(receiver.Count("/v1/traces", "apidocs group"u8) > 0);
        Assert.True(receiver.Count("/v1/traces", "apidocs/load"u8) > 0);
        Assert.True(receiver.Count("/v1/metrics", "pipelineops.stage.duration"u8) > 0);
        Assert.True(receiver.Count("/v1/metrics", "pipelineops.records"u8) > 0);

        static bool HasName(OtlpReceiver receiver, string path) => receiver.Count(path, "service.name"u8) > 0 && receiver.Count(path, "\n\aapidocs"u8) > 0;
    }

    [Fact]
    public async Task The_variables_of_the_SDK_hold_beside_the_option()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        _workspace.WriteTypes("named.xml", 5);
        Environment.SetEnvironmentVariable("OTEL_SERVICE_NAME", "by-variable");
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
        try
        {
            Workspace.Run run = await _workspace.IngestAsync("--otlp", $"{receiver.Address}/base/");

            Assert.Empty(run.Errors);
            Assert.True(receiver.Count("/base/v1/traces", "by-variable"u8) > 0);
        }
        finally
        {
            Environment.SetEnvironmentVariable("OTEL_SERVICE_NAME", null);
            Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", null);
        }
    }

    [Fact]
    public async Task An_endpoint_that_cannot_be_reached_costs_the_job_one_line_and_no_more()
    {
        // A port that was free a moment ago.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = $"http://{listener.LocalEndpoint}";
        listener.Stop();
        _workspace.WriteTypes("unsent.xml", 5);

        (Workspace.Run run, TimeSpan time) = await TimeAsync(address);

        Assert.Equal((ExitCode.Done, 5), (run.ExitCode, run.Succeeded));
        Assert.StartsWith($"not all telemetry was sent to {address}: ", Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.True(time < TimeSpan.FromSeconds(20), $"took {time}");
    }

    [Theory]
    [InlineData(0, "it does not answer")]
    [InlineData(503, "it answers 503")]
    public async Task An_endpoint_that_takes_nothing_costs_the_job_one_line_and_a_few_seconds(int status, string problem)
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync(status);
        _workspace.WriteTypes("unsent.xml", 5);

        (Workspace.Run run, TimeSpan time) = await TimeAsync(receiver.Address);

        Assert.Equal((ExitCode.Done, 5), (run.ExitCode, run.Succeeded));
        Assert.Equal($"not all telemetry was sent to {receiver.Address}: {problem}", Assert.Single(run.Errors));
        Assert.True(time < TimeSpan.FromSeconds(20), $"took {time}");
    }

    [Fact]
    public async Task A_job_that_cannot_begin_ends_in_time_too()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync(status: 0);
        _workspace.WriteTypes("unsent.xml", 5);
        Directory.CreateDirectory(Path.Combine(_workspace.Output, "index.jsonl"));

        (Workspace.Run run, TimeSpan time) = await TimeAsync(receiver.Address);

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.True(time < TimeSpan.FromSeconds(20), $"took {time}");
    }

    private async Task<(Workspace.Run Run, TimeSpan Time)> TimeAsync(string address)
    {
        long start = Stopwatch.GetTimestamp();
        Workspace.Run run = await _workspace.IngestAsync("--otlp", address);
        return (run, Stopwatch.GetElapsedTime(start));
    }
}
