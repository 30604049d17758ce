using System.Diagnostics;

namespace PipelineOps.OpenTelemetry.Tests;

public sealed class TracingTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly CollectedSpans _spans = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _spans.Dispose();

    [Fact]
    public async Task A_call_that_fails_is_an_error_with_its_type_and_so_is_each_attempt()
    {
        using PipelineStage stage = OwnStage.Create(_time, static o => o.Retry.MaxRetries = 1);

        await Assert.ThrowsAsync<IOException>(async () => await stage.ExecuteAsync(Flaky.Always.Invoke, Ct));

        Activity call = _spans["orders/load"];
        IReadOnlyList<Activity> attempts = _spans.Named("orders/load attempt");
        Assert.Equal((ActivityStatusCode.Error, "failure 2"), (call.Status, call.StatusDescription));
        Assert.Equal("System.IO.IOException", call.GetTagItem("error.type"));
        Assert.Equal(["failure 1", "failure 2"], attempts.Select(static attempt => attempt.StatusDescription));
        Assert.All(attempts, static attempt => Assert.Equal((ActivityStatusCode.Error, "System.IO.IOException"), (attempt.Status, attempt.GetTagItem("error.type"))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_that_succeeds_after_a_retry_is_no_error_and_has_its_attempts_as_children(bool asynchronous)
    {
        using PipelineStage stage = OwnStage.Create(_time);
        using (Activity caller = CollectedSpans.Source.StartActivity("caller")!)
        {
            int attempt = 0;
            await stage.ExecuteAsync(
                async _ =>
                {
                    if (asynchronous)
                        await Task.Yield();
                    if (++attempt == 1)
                        throw new IOException("once");
                },
                Ct).InTime();
            Assert.Same(caller, Activity.Current);
        }

        Activity call = _spans["orders/load"];
        Assert.Equal(_spans["caller"].SpanId, call.ParentSpanId);
        Assert.Equal(ActivityStatusCode.Unset, call.Status);
        Assert.Null(call.GetTagItem("error.type"));
        IReadOnlyList<Activity> attempts = _spans.Named("orders/load attempt");
        Assert.Equal([ActivityStatusCode.Error, ActivityStatusCode.Unset], attempts.Select(static span => span.Status));
        Assert.Equal(["System.IO.IOException", null], attempts.Select(static span => span.GetTagItem("error.type")));
        Assert.All(attempts, span => Assert.Equal((call.TraceId, call.SpanId), (span.TraceId, span.ParentSpanId)));
        Assert.Equal(4, _spans.All.Count);
    }

    [Fact]
    public async Task A_rejected_call_is_an_error_too()
    {
        using PipelineStage stage = OwnStage.Create(_time, static o => o.CircuitBreaker.Enabled = true);
        stage.Circuit!.Isolate();

        Assert.True((await stage.TryExecuteAsync(new Flaky().Invoke, Ct)).IsRejected);

        Activity call = Assert.Single(_spans.All);
        Assert.Equal((ActivityStatusCode.Error, "PipelineOps.CircuitOpenException"), (call.Status, call.GetTagItem("error.type")));
    }

    [Fact]
    public async Task The_source_tells_its_name_and_version()
    {
        using PipelineStage stage = OwnStage.Create(_time);

        await stage.ExecuteAsync(new Flaky().Invoke, Ct);

        Assert.Equal(("PipelineOps", "0.1.0"), (_spans["orders/load"].Source.Name, _spans["orders/load"].Source.Version));
    }

    [Fact]
    public async Task A_batch_is_linked_to_the_producers_of_its_records()
    {
        using PipelineStage stage = OwnStage.Create(_time, Message.DescribeTo);
        (Message Message, ActivityContext Producer)[] sent = [.. Enumerable.Range(0, 3).Select(static i => Message.Send(CollectedSpans.Source, $"m-{i}"))];

        await stage.ProcessBatchAsync([.. sent.Select(static s => s.Message)], static (_, _) => default, cancellationToken: Ct);

        Activity call = _spans["orders/load"];
        Assert.Equal(default, call.ParentSpanId);
        Assert.Equal(sent.Select(static s => (s.Producer.TraceId, s.Producer.SpanId)), call.Links.Select(static link => (link.Context.TraceId, link.Context.SpanId)));
    }

    [Fact]
    public async Task A_redrive_is_a_trace_of_its_own_linked_to_the_original()
    {
        var store = new MemoryFailureStore(_time);
        using PipelineStage stage = OwnStage.Create(_time, o => o.Recovery.FailureStore = store);
        await stage.ProcessAsync("poison", static (_, _) => throw new FormatException(), Ct);
        Activity original = _spans["orders/load"];
        Assert.Equal(original.SpanId, _spans["orders/load keep"].ParentSpanId);
        _spans.Clear();

        using Activity operation = CollectedSpans.Source.StartActivity("operator")!;
        Assert.Equal(1, (await stage.RedriveAsync<string>(static (_, _) => default, cancellationToken: Ct)).Redriven);

        Activity redrive = _spans["orders/load redrive"];
        ActivityLink link = Assert.Single(redrive.Links);
        Assert.Equal((original.TraceId, original.SpanId), (link.Context.TraceId, link.Context.SpanId));
        Assert.True(link.Context.IsRemote);
        Assert.Equal(default, redrive.ParentSpanId);
        Assert.DoesNotContain(redrive.TraceId, new[] { original.TraceId, operation.TraceId });
        Assert.Equal(redrive.SpanId, _spans["orders/load"].ParentSpanId);
    }
}
