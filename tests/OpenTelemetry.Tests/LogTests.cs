using System.Diagnostics;

namespace PipelineOps.OpenTelemetry.Tests;

public sealed class LogTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly CollectedSpans _spans = new();
    private readonly CollectedLogs _logs = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _logs.Dispose();
        _spans.Dispose();
    }

    [Theory]
    [InlineData(AttemptSpans.WhenRetried, false)]
    [InlineData(AttemptSpans.WhenRetried, true)]
    [InlineData(AttemptSpans.Always, false)]
    [InlineData(AttemptSpans.Always, true)]
    [InlineData(AttemptSpans.Never, false)]
    [InlineData(AttemptSpans.Never, true)]
    public async Task Retries_and_the_giving_up_are_lines_of_the_calls_span(AttemptSpans attempts, bool asynchronous)
    {
        using PipelineStage stage = Create(o =>
        {
            o.Telemetry.AttemptSpans = attempts;
            o.Retry.MaxRetries = 2;
        });
        using Activity caller = CollectedSpans.Source.StartActivity("caller")!;

        await Assert.ThrowsAsync<IOException>(() => stage.ExecuteAsync(
            async _ =>
            {
                if (asynchronous)
                    await Task.Yield();
                throw new IOException();
            },
            Ct).InTime());

        Activity call = _spans["orders/load"];
        Assert.Equal(["Retry", "Retry", "RetriesExhausted"], _logs.All.Select(static line => line.Event));
        Assert.All(_logs.All, line => Assert.Equal((call.TraceId, call.SpanId), (line.TraceId, line.SpanId)));
        Assert.All(_logs.All, static line => Assert.Equal(("orders", "load"), (line.Attributes["Pipeline"], line.Attributes["Stage"])));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_record_that_is_kept_is_a_line_of_its_calls_trace(bool hasCaller)
    {
        using PipelineStage stage = Create();
        using Activity? caller = hasCaller ? CollectedSpans.Source.StartActivity("caller") : null;

        await stage.ProcessAsync("poison", static (_, _) => throw new FormatException(), Ct);

        Assert.Equal(_spans["orders/load"].TraceId, Assert.Single(_logs.Of("RecordKept")).TraceId);
    }

    [Fact]
    public async Task The_bad_records_of_a_batch_are_lines_of_its_calls_trace()
    {
        using PipelineStage stage = Create();
        using Activity caller = CollectedSpans.Source.StartActivity("caller")!;

        await stage.ProcessBatchAsync([.. Enumerable.Range(0, 4)], new BatchHandling { Bad = { 1, 3 } }.Handle, BatchEffect.Atomic, Ct);

        Assert.Equal([caller.TraceId, caller.TraceId], _logs.Of("RecordKept").Select(static line => line.TraceId));
    }

    [Fact]
    public async Task A_circuit_that_opens_is_a_line_of_the_call_that_opened_it()
    {
        using PipelineStage stage = Create(static o =>
        {
            o.OpensAtOnce();
            o.Retry.MaxRetries = 0;
        });

        await stage.TryExecuteAsync(Flaky.Always.Invoke, Ct);

        Activity call = _spans["orders/load"];
        CollectedLogs.Line line = Assert.Single(_logs.Of("CircuitChanged"));
        Assert.Equal((call.TraceId, call.SpanId), (line.TraceId, line.SpanId));
    }

    private PipelineStage Create(Action<StageOptions>? configure = null) => OwnStage.Create(_time, o =>
    {
        o.LoggerFactory = _logs.Loggers;
        o.Recovery.FailureStore = new MemoryFailureStore(_time);
        configure?.Invoke(o);
    });
}
